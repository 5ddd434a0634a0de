"""A crystal as balls and springs: its elastic constants, with the atoms free to move.

Each neighbour is a spring, stiff along the bond and a little stiff across it. Straining the cell
and letting the atoms find their places tells what a list of neighbours cannot: whether the network
is rigid or hinges, and how differently it gives way in different directions
(M. Born and K. Huang, Dynamical Theory of Crystal Lattices, 1954, section 11).
"""

from __future__ import annotations

import numpy as np

__all__ = ["elastic_tensor", "isotropic_moduli"]

# Mandel's order: xx, yy, zz, yz, xz, xy, the last three times the root of two, so that the 6 x 6
# matrix is a tensor and its eigenvalues are moduli.
_FIRST = np.array([0, 1, 2, 1, 0, 0])
_SECOND = np.array([0, 1, 2, 2, 2, 1])
_SHEAR = np.array([0.5, 0.5, 0.5, np.sqrt(0.5), np.sqrt(0.5), np.sqrt(0.5)])
_IDENTITY = np.array([1.0, 1, 1, 0, 0, 0])


def elastic_tensor(
    centres: np.ndarray,
    neighbours: np.ndarray,
    vectors: np.ndarray,
    stiffness: np.ndarray,
    volume: float,
    *,
    across: float = 0.1,
) -> tuple[np.ndarray, np.ndarray]:
    """Elastic constants of a periodic spring network.

    Parameters
    ----------
    centres, neighbours : ndarray of int, shape (E,)
        Both ends; a spring that is listed from both ends counts half each time.
    vectors : ndarray, shape (E, 3)
        From centre to neighbour.
    stiffness : ndarray, shape (E,)
        Along the spring.
    volume : float
        Of the cell.
    across : float
        Stiffness across the spring, as a fraction.

    Returns
    -------
    relaxed, rigid : ndarray, shape (6, 6)
        In Mandel's notation: with the atoms free to move, and moving with the cell. Stiffness over
        length is their unit.
    """
    n = int(centres.max()) + 1
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    springs = unit[:, :, None] * unit[:, None, :] * (1 - across) + across * np.eye(3)
    springs *= 0.5 * stiffness[:, None, None]
    # Displacement of one end against the other under each of the six unit strains.
    strains = np.zeros((len(vectors), 3, 6))
    for column, (i, j, factor) in enumerate(zip(_FIRST, _SECOND, _SHEAR, strict=True)):
        strains[:, i, column] += factor * vectors[:, j]
        strains[:, j, column] += factor * vectors[:, i]
    forces = springs @ strains
    rigid = np.tensordot(strains, forces, axes=([0, 1], [0, 1])) / volume
    load = np.zeros((n, 3, 6))
    np.add.at(load, neighbours, forces)
    np.add.at(load, centres, -forces)
    hessian = np.zeros((n, 3, n, 3))
    rows, columns = np.arange(3)[:, None], np.arange(3)[None, :]
    for a, b, sign in (
        (centres, centres, 1),
        (neighbours, neighbours, 1),
        (centres, neighbours, -1),
        (neighbours, centres, -1),
    ):
        np.add.at(hessian, (a[:, None, None], rows, b[:, None, None], columns), sign * springs)
    matrix, right = hessian.reshape(3 * n, 3 * n), load.reshape(3 * n, 6)
    # Moving all atoms alike costs nothing; a trace of stiffness to the ground makes it solvable.
    matrix[np.diag_indices(3 * n)] += 1e-9 * np.trace(matrix) / (3 * n) + 1e-300
    relaxed = rigid - right.T @ np.linalg.solve(matrix, right) / volume
    return (relaxed + relaxed.T) / 2, rigid


def isotropic_moduli(tensor: np.ndarray) -> dict[str, float]:
    """Bulk and shear modulus of a polycrystal, and how unlike its directions are.

    Parameters
    ----------
    tensor : ndarray, shape (6, 6)
        Positive definite, in Mandel's notation.

    Returns
    -------
    dict of str to float
        ``K_voigt, G_voigt, K_reuss, G_reuss`` (R. Hill, Proc. Phys. Soc. A 65, 349 (1952)), and the
        least and greatest eigenvalue.
    """
    compliance = np.linalg.inv(tensor)
    K_voigt = _IDENTITY @ tensor @ _IDENTITY / 9
    K_reuss = 1 / (_IDENTITY @ compliance @ _IDENTITY)
    # The trace over all six modes, less the hydrostatic one, leaves five of shear.
    G_voigt = (np.trace(tensor) - 3 * K_voigt) / 10
    G_reuss = 2.5 / (np.trace(compliance) - 1 / (3 * K_reuss))
    values = np.linalg.eigvalsh(tensor)
    return {
        "K_voigt": float(K_voigt),
        "G_voigt": float(G_voigt),
        "K_reuss": float(K_reuss),
        "G_reuss": float(G_reuss),
        "least": float(values[0]),
        "greatest": float(values[-1]),
    }
