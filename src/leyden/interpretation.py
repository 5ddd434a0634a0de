"""What each atom contributes to a prediction, and what stands around it.

An additive read-out predicts the mean of one value an atom: the *local values* (for voltages: Zhang
et al., equation 2; for energies: T. Xie, thesis, MIT 2020, equations 3.4 and 3.5).  They are exact
shares of the prediction, and no measurement: another network with the same predictions may share
them out in another way, so compare medians over many sites, and several seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from leyden.data.crystal import Crystal
from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import IncompatibleError, InputError
from leyden.representations.neighbours import nearest_neighbours

__all__ = [
    "SHELL",
    "Explanation",
    "Picture",
    "Shell",
    "environment_vectors",
    "explain",
    "first_shell",
    "neighbours_of_element",
    "structure",
]

SHELL = 1.25
"""The first shell of an atom reaches this many times as far as its nearest neighbour: wide enough
for a Jahn-Teller octahedron (2.3 to 1.9), too narrow for the O-O edge of one (1.41)."""

_EQUAL = 1e-4
"""Local values of one element within this part of their spread are told as one site."""


class Shell(NamedTuple):
    """First shells of all atoms of a crystal, B bonds in all, each seen from its centre.

    Attributes
    ----------
    centres, neighbours : ndarray of int, shape (B,)
        Atoms of the cell.
    vectors : ndarray of float, shape (B, 3)
        From centre to neighbour, in angstrom.
    """

    centres: np.ndarray
    neighbours: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class Picture:
    """One cell with its boundary atoms, ready to be drawn (`leyden.plots.crystal_picture`).

    Attributes
    ----------
    positions : ndarray, shape (m, 3)
        In angstrom.
    numbers : ndarray of int, shape (m,)
    values : ndarray, shape (m,)
        Local values; images of an atom share its value.
    bonds : ndarray of int, shape (b, 2)
        Pairs of drawn atoms, one of which has the other in its first shell.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors, in angstrom.
    prediction : float
        Mean of the local values over the cell.
    target, formula : str
    """

    positions: np.ndarray
    numbers: np.ndarray
    values: np.ndarray
    bonds: np.ndarray
    lattice: np.ndarray
    prediction: float
    target: str
    formula: str


@dataclass(frozen=True, eq=False)
class Explanation:
    """Local values of crystals.

    Attributes
    ----------
    target : str
        What they add up to, with its unit in its name.
    atoms : DataFrame
        One row an atom: ``crystal`` (id), ``site`` (from 1, in the order of the cell),
        ``element``, ``oxygen_neighbours`` (in its first shell), ``value`` and ``difference``
        (value less the crystal's prediction: what raises it is positive).
    crystals : DataFrame
        One row a crystal: ``crystal``, ``formula``, ``atoms``, ``prediction``, ``mean_of_atoms``.
    structures : tuple of Crystal
    """

    target: str
    atoms: pd.DataFrame
    crystals: pd.DataFrame
    structures: tuple[Crystal, ...]

    @property
    def sum_error(self) -> float:
        """Largest distance between a prediction and the mean of its local values, in float64."""
        gap = self.crystals["mean_of_atoms"] - self.crystals["prediction"]
        return float(gap.abs().max()) if len(gap) else 0.0

    def per_element(self, oxygen_neighbours: int = 0) -> pd.DataFrame:
        """Quartiles of the local values of each element, the highest median first.

        Parameters
        ----------
        oxygen_neighbours : int
            Only sites with at least so many oxygens in their first shell (Zhang et al.: 2).

        Returns
        -------
        DataFrame
            ``element``, ``atoms``, ``crystals``, ``lower_quartile``, ``median``,
            ``upper_quartile`` and ``median_difference`` (from the prediction of its crystal).
        """
        kept = self.atoms[self.atoms["oxygen_neighbours"] >= oxygen_neighbours]
        grouped = kept.groupby("element")
        table = pd.DataFrame(
            {
                "atoms": grouped.size(),
                "crystals": grouped["crystal"].nunique(),
                "lower_quartile": grouped["value"].quantile(0.25),
                "median": grouped["value"].median(),
                "upper_quartile": grouped["value"].quantile(0.75),
                "median_difference": grouped["difference"].median(),
            }
        )
        return table.sort_values("median", ascending=False).reset_index(names="element")

    def sites(self, crystal: str) -> pd.DataFrame:
        """The sites of one crystal, from the one that raises the prediction most.

        Atoms of one element that the network cannot tell apart are one row.

        Returns
        -------
        DataFrame
            ``element``, ``atoms``, ``site`` (the first of them), ``oxygen_neighbours``, ``value``,
            ``difference`` and ``effect`` (difference times the share of these atoms in the cell:
            the effects of all rows sum to zero).
        """
        self._position(crystal)
        rows = self.atoms[self.atoms["crystal"] == crystal]
        width = max(_EQUAL * float(np.ptp(rows["value"])), 1e-6)
        order = rows.sort_values(["element", "value"])
        new = (order["element"] != order["element"].shift()) | (order["value"].diff() > width)
        grouped = order.groupby(new.cumsum().to_numpy())
        table = pd.DataFrame(
            {
                "element": grouped["element"].first(),
                "atoms": grouped.size(),
                "site": grouped["site"].min(),
                "oxygen_neighbours": grouped["oxygen_neighbours"].first(),
                "value": grouped["value"].mean(),
                "difference": grouped["difference"].mean(),
            }
        )
        table["effect"] = table["difference"] * table["atoms"] / len(rows)
        return table.sort_values("difference", ascending=False, ignore_index=True)

    def picture(self, crystal: str) -> Picture:
        """One crystal with its local values, to be drawn."""
        position = self._position(crystal)
        row = self.crystals.iloc[position]
        rows = self.atoms[self.atoms["crystal"] == crystal]
        whole = self.structures[position]
        owners, points = _with_boundary(whole)
        return Picture(
            points,
            whole.numbers[owners],
            rows["value"].to_numpy()[owners],
            _bonds(first_shell(whole), owners, points),
            whole.lattice,
            float(row["prediction"]),
            self.target,
            str(row["formula"]),
        )

    def _position(self, crystal: str) -> int:
        found = np.flatnonzero((self.crystals["crystal"] == crystal).to_numpy())
        if not len(found):
            raise InputError("no crystal of this id was explained", value=crystal)
        return int(found[0])


def explain(
    model: Any,
    items: Sequence[Any],
    *,
    X: Any = None,
    ids: Sequence[str] | None = None,
    targets: Sequence[str] = ("value",),
    target: str | None = None,
) -> Explanation:
    """Local values of crystals under a network with an additive read-out, or an ensemble of such.

    Parameters
    ----------
    model : CrystalGraphNetwork or Ensemble
        Fitted with ``readout="additive"``. An ensemble predicts the mean of its members, and so do
        its local values.
    items : sequence of Crystal, or of items with a `host`
    X : represented items, optional
        Made from the items when absent.
    ids : sequence of str, optional
        Default: 1, 2, 3, ...
    targets : sequence of str
        Names of what the model predicts.
    target : str, optional
        The one that is explained; the first when absent.

    Raises
    ------
    InputError
        The model has no local values; no such target; two crystals share an id.
    """
    members = getattr(model, "members_", [model])
    if not all(hasattr(member, "local_values") for member in members):
        raise InputError(
            "this model has no local values",
            value=getattr(model, "kind", type(model).__name__),
            remedy="fit a crystal graph network with readout='additive'",
        )
    structures = tuple(structure(item) for item in items)
    names = [str(i + 1) for i in range(len(items))] if ids is None else [str(i) for i in ids]
    if len(set(names)) != len(structures) or len(names) != len(structures):
        raise InputError("each crystal needs an id of its own", value=f"{len(names)} ids")
    target = targets[0] if target is None else target
    if target not in targets:
        raise InputError(
            "the model predicts no such target",
            value=target,
            remedy=f"choose from {', '.join(targets)}",
        )
    X = model.representation.transform(items) if X is None else X
    column = list(targets).index(target)
    each = [member.local_values(X) for member in members] if structures else []
    local = [_column(np.mean(values, axis=0), column) for values in zip(*each, strict=True)]
    predicted = _column(np.asarray(model.predict(X), float), column)
    counts = np.array([len(crystal) for crystal in structures], dtype=int)
    if [len(values) for values in local] != counts.tolist():
        raise IncompatibleError("the local values are not one an atom of these crystals")
    return _explanation(target, names, structures, predicted, local)


def _explanation(
    target: str,
    names: Sequence[str],
    structures: tuple[Crystal, ...],
    predicted: np.ndarray,
    local: Sequence[np.ndarray],
) -> Explanation:
    """The tables of atoms and crystals."""
    counts = np.array([len(crystal) for crystal in structures], dtype=int)
    atoms = pd.DataFrame(
        {
            "crystal": np.repeat(np.array(names, object), counts),
            "site": np.concatenate([np.arange(1, n + 1) for n in counts] or [counts]),
            "element": [symbol for crystal in structures for symbol in crystal.symbols],
            "oxygen_neighbours": np.concatenate(
                [neighbours_of_element(crystal, "O") for crystal in structures] or [counts]
            ),
            "value": np.concatenate(local or [predicted]),
        }
    )
    atoms["difference"] = atoms["value"] - np.repeat(predicted, counts)
    crystals = pd.DataFrame(
        {
            "crystal": np.array(names, object),
            "formula": [crystal.formula for crystal in structures],
            "atoms": counts,
            "prediction": predicted,
            "mean_of_atoms": [float(values.mean()) for values in local],
        }
    )
    return Explanation(target, atoms, crystals, structures)


def environment_vectors(network: Any, X: Any, convolution: int | None = None) -> list[np.ndarray]:
    """Vectors of the atoms after a convolution: what the network knows of local environments.

    Parameters
    ----------
    network : CrystalGraphNetwork
        Fitted.
    X : CrystalGraphs
    convolution : int, optional
        From 1, which has seen the neighbours, to the last (the default), which has seen theirs.

    Returns
    -------
    list of ndarray, each (atoms, width)
        One a crystal.
    """
    layers = network.module_.convolutions
    number = len(layers) if convolution is None else convolution
    if not 1 <= number <= len(layers):
        raise InputError(f"the network has convolutions 1 to {len(layers)}", value=convolution)
    seen: list[np.ndarray] = []
    hook = layers[number - 1].register_forward_hook(lambda *call: seen.append(call[-1].numpy()))
    try:
        network.embed(X)
    finally:
        hook.remove()
    return X.per_atom(np.concatenate(seen))


def structure(item: Any) -> Crystal:
    """The crystal of an item: itself, or the host of an electrode."""
    crystal = getattr(item, "host", item)
    if not isinstance(crystal, Crystal):
        raise InputError("local values are those of atoms in a crystal", value=item)
    return crystal


def first_shell(crystal: Crystal, reach: float = SHELL) -> Shell:
    """Neighbours of each atom up to `reach` times the distance of its nearest."""
    near = nearest_neighbours(crystal)
    nearest = near.distances[np.cumsum(near.counts) - near.counts]
    kept = near.distances <= reach * np.repeat(nearest, near.counts)
    centres = np.repeat(np.arange(len(crystal)), near.counts)
    return Shell(centres[kept], near.indices[kept], near.vectors[kept])


def neighbours_of_element(crystal: Crystal, element: str) -> np.ndarray:
    """How many atoms of an element each first shell holds, shape (n,)."""
    shell = first_shell(crystal)
    hits = crystal.numbers[shell.neighbours] == ATOMIC_NUMBERS[element]
    return np.bincount(shell.centres, weights=hits, minlength=len(crystal)).astype(int)


def _column(values: np.ndarray, column: int) -> np.ndarray:
    return values if values.ndim == 1 else values[:, column]


def _with_boundary(crystal: Crystal, edge: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    """Atoms of the closed cell: owner of each, and its place in angstrom.

    An atom on a face, edge or corner is drawn on all that are equivalent, as is the custom.
    """
    inside = crystal.frac - np.floor(crystal.frac + edge)
    owners, places = [], []
    for shift in itertools.product((0, 1), repeat=3):
        kept = ((np.array(shift) == 0) | (np.abs(inside) < edge)).all(axis=1)
        owners.append(np.flatnonzero(kept))
        places.append(inside[kept] + shift)
    return np.concatenate(owners), np.concatenate(places) @ crystal.lattice


def _bonds(shell: Shell, owners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Pairs of drawn atoms that are bonded, each once, shape (b, 2)."""
    tree, pairs = cKDTree(points), set()
    for drawn, owner in enumerate(owners):
        ends = points[drawn] + shell.vectors[shell.centres == owner]
        distances, hits = tree.query(ends, distance_upper_bound=0.01)
        pairs |= {(min(drawn, hit), max(drawn, hit)) for hit in hits[np.isfinite(distances)]}
    return np.array(sorted(pairs), dtype=int).reshape(-1, 2)
