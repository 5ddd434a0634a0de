"""The dynamics of a whole lattice of sites from that of one atom's surroundings.

A graph network sees that an atom is at *an* octahedral site, not at which. When it is known how
sites are connected, the transition matrix of the states of a site gives that of all sites (T. Xie,
thesis, MIT 2020, section 4.6.1).

The published construction puts the probability of staying in a *state* for one lag on the diagonal.
But an atom that is at an octahedral site again after a lag may have come back to another one; the
longer the lag the more so, and the rebuilt timescales are too long: exact only for a lag much
shorter than a visit. Built through the generator - rates of leaving, spread over the neighbours -
the answer is exact at any lag, if the local states are Markovian and all sites of a state alike.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm, logm

from leyden.dynamics.timescales import timescale
from leyden.errors import InputError

__all__ = ["global_timescales_ps", "global_transition_matrix"]


def global_transition_matrix(
    local: np.ndarray,
    site_states: np.ndarray,
    connections: np.ndarray,
    *,
    through_generator: bool = True,
) -> np.ndarray:
    """Transition matrix (n, n) among sites, at the lag of the local one.

    Parameters
    ----------
    local : ndarray, shape (k, k)
        Transition matrix of the states at a lag; rows sum to one (eq. 4.8: ``[[p_o, 1 - p_o],
        [1 - p_t, p_t]]``).
    site_states : ndarray of int, shape (n,)
        State of each site.
    connections : ndarray, shape (n, n)
        How many ways lead from a site directly to another, not negative; an atom that changes to a
        state takes one of those that lead to such a site, with equal chances.
    through_generator : bool
        Spread rates, and go on with them for the lag. False is the published construction, which
        spreads the probabilities of the lag itself.

    Raises
    ------
    InputError
        `local` is not a transition matrix, or has no generator (its lag is too long, or the states
        are not Markovian); shapes that do not fit; a site without a way to a state that its own
        state changes to.
    """
    local = _checked_local(local)
    states, ways = _checked_sites(len(local), site_states, connections)
    changes = _generator(local) if through_generator else local - np.eye(len(local))
    spread = _spread(changes, states, ways)
    return np.asarray(expm(spread)) if through_generator else np.eye(len(states)) + spread


def global_timescales_ps(matrix: np.ndarray, lag_ps: float) -> np.ndarray:
    """Relaxation timescales (n - 1,) of a transition matrix, the slowest first.

    NaN where an eigenvalue is not positive: what has decayed within the lag.

    Raises
    ------
    InputError
        A lag that is not positive.
    """
    if not (np.isfinite(lag_ps) and lag_ps > 0):
        raise InputError("a lag must be positive, in ps", value=lag_ps)
    return timescale(np.sort(np.linalg.eigvals(matrix).real)[-2::-1], lag_ps)


def _spread(changes: np.ndarray, states: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """Changes of state (k, k), rows summing to zero, as changes of site (n, n)."""
    number = len(changes)
    member = np.eye(number)[states]
    to_state = ways @ member
    wanted = changes[states] * (1 - member)
    cut_off = (to_state == 0) & (wanted > 1e-12)
    if cut_off.any():
        site, state = (int(i) for i in np.argwhere(cut_off)[0])
        raise InputError(
            f"site {site} has a way to each state that its own changes to, and none to {state}",
            value=float(wanted[site, state]),
        )
    chances = np.divide(wanted, to_state, out=np.zeros_like(wanted), where=to_state > 0)
    moved = ways * chances[:, states]
    return np.asarray(moved - np.diag(moved.sum(axis=1)))


def _generator(local: np.ndarray) -> np.ndarray:
    """Rates per lag, by the principal logarithm; they must be rates."""
    values = np.linalg.eigvals(local)
    if np.any((np.abs(values.imag) < 1e-12) & (values.real <= 1e-12)):
        raise InputError(
            "a transition matrix with eigenvalues that are not positive has no generator",
            value=float(values.real.min()),
            remedy="take a shorter lag",
        )
    rates = np.real(logm(local))
    off = rates[~np.eye(len(rates), dtype=bool)]
    if np.any(off < -1e-8):
        raise InputError(
            "rates between states must not be negative",
            value=float(off.min()),
            remedy="take another lag, or fewer states",
        )
    return np.asarray(rates)


def _checked_local(local: np.ndarray) -> np.ndarray:
    matrix = np.asarray(local, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise InputError("a transition matrix has the shape (k, k), k > 1", value=matrix.shape)
    if not (np.all(matrix >= -1e-6) and np.allclose(matrix.sum(axis=1), 1.0, atol=1e-4)):
        raise InputError("rows of a transition matrix are chances that sum to one", value=local)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _checked_sites(
    count: int, site_states: np.ndarray, connections: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    states, ways = np.asarray(site_states), np.asarray(connections, dtype=np.float64)
    if states.ndim != 1 or not np.isin(states, np.arange(count)).all():
        raise InputError(f"each site has a state from 0 to {count - 1}", value=site_states)
    if ways.shape != (len(states), len(states)) or not np.all(ways >= 0):
        raise InputError(
            f"connections have the shape ({len(states)}, {len(states)}), none negative",
            value=ways.shape,
        )
    return states, ways
