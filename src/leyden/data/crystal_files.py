"""Crystals from text: CIF through gemmi, POSCAR; and the check that no atoms overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from leyden.data.crystal import Crystal, partial_occupancy
from leyden.errors import InputError

__all__ = [
    "MINIMUM_DISTANCE_A",
    "MOST",
    "check_distances",
    "crystal_from_block",
    "crystal_from_cif",
    "crystal_from_poscar",
    "crystals_from_cif",
    "find_symmetry",
    "full_sites",
    "one_cif_block",
]

MINIMUM_DISTANCE_A = 0.5
"""Atoms nearer than this (angstrom) overlap; the shortest bond, in H2, has 0.74."""

_BLOCK = 256  # atoms whose distances to all others are held at a time
_FLATTEST = 20  # images along one axis; no crystal has planes that near
_FULL = 0.999  # an occupancy from here on is a rounded one
MOST = 1.05
"""Refined occupancies carry errors of a few percent; sums up to here mean 1."""


def crystal_from_cif(text: str) -> Crystal:
    """The one crystal of a CIF.

    Symmetry comes from the operations, else from the Hall or Hermann-Mauguin symbol, else from
    the number in its reference setting; without any of them the sites are the whole cell (P1),
    as the CIF dictionary says. Copies of a site on a special position are merged.

    Raises
    ------
    InputError
        Not a CIF, no or several crystals, partial occupancy, an unknown element or space group,
        a coordinate that is missing.
    """
    return crystal_from_block(one_cif_block(text))


def crystals_from_cif(
    text: str, read: Callable[[Any], Any] | None = None
) -> Iterator[tuple[str, Any]]:
    """Every crystal of a CIF with the name of its block; what cannot be read comes as its error.

    `read` makes the crystal of a block; by default `crystal_from_block`.
    """
    for block in _blocks(text):
        try:
            yield block.name, (read or crystal_from_block)(block)
        except InputError as error:
            yield block.name, error


def one_cif_block(text: str) -> Any:
    """The gemmi block of the one crystal of a CIF; `InputError` for none and for several."""
    blocks = _blocks(text)
    if len(blocks) > 1:
        raise InputError(
            "a CIF must hold one crystal here",
            value=[block.name for block in blocks],
            remedy="split the file, or predict from the file, where every block is a row",
        )
    return blocks[0]


def _blocks(text: str) -> list[Any]:
    from gemmi import cif

    try:
        document = cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"this is not a CIF: {error}") from error
    blocks = [block for block in document if block.find_value("_cell_length_a")]
    if not blocks:
        raise InputError(
            "a CIF must have a cell and atoms", remedy="export the structure as a CIF again"
        )
    return blocks


def full_sites(block: Any) -> bool:
    """Whether no site of a gemmi block is shared or empty at times."""
    import gemmi

    return all(site.occ > _FULL for site in gemmi.make_small_structure_from_block(block).sites)


def crystal_from_block(block: Any) -> Crystal:
    """The ordered crystal of a gemmi block; see `crystal_from_cif`."""
    import gemmi

    small = gemmi.make_small_structure_from_block(block)
    if len(small.sites) == 0:
        raise InputError("a crystal must have at least one atom")
    for number, site in enumerate(small.sites, start=1):
        label = f"site {number} ({site.label})"
        if site.element.atomic_number == 0:
            raise InputError("a site must name an element", value=label)
        if not _FULL < site.occ <= MOST:
            raise partial_occupancy(f"{label}, occupancy {site.occ:g}")
        if not np.isfinite(site.fract.tolist()).all():
            raise InputError("a site must have three coordinates", value=label)
    cell = small.cell
    parameters = (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
    # the cell is checked before gemmi expands the sites in it
    lattice = Crystal.from_parameters(parameters, ["H"], [[0, 0, 0]]).lattice
    find_symmetry(small)
    sites = small.get_all_unit_cell_sites()
    return Crystal(
        np.array([site.element.atomic_number for site in sites], dtype=np.uint8),
        np.array([site.fract.tolist() for site in sites]),
        lattice,
    )


def find_symmetry(small: Any) -> None:
    """Give a gemmi structure its operations, whichever way the file tells its symmetry."""
    if small.spacegroup is None and not small.symops:
        small.determine_and_set_spacegroup("S.H2N")
        symbol = small.spacegroup_hm.strip("?. ") or small.spacegroup_hall.strip("?. ")
        if small.spacegroup is None and (symbol or small.spacegroup_number > 1):
            raise InputError(
                "a space group must be a known one",
                value=symbol or small.spacegroup_number,
                remedy="list the symmetry operations in the CIF",
            )


def crystal_from_poscar(text: str) -> Crystal:
    """A crystal from a VASP 5 POSCAR or CONTCAR.

    Raises
    ------
    InputError
        A line that is missing or does not hold what it should; no line of element symbols.
    """
    lines = text.splitlines()
    try:
        scale = float(lines[1].split()[0])
        lattice = np.array([[float(word) for word in line.split()[:3]] for line in lines[2:5]])
        symbols = lines[5].split()
        if symbols[0].isdigit():
            raise InputError(
                "a POSCAR must name its elements in line 6",
                value=lines[5],
                remedy="write the VASP 5 form, with element symbols above their numbers",
            )
        counts = [int(word) for word in lines[6].split()[: len(symbols)]]
        start = 8 if lines[7].strip()[:1] in "sS" else 7
        cartesian = lines[start].strip()[:1] in "cCkK"
        count = sum(counts)
        sites = lines[start + 1 : start + 1 + count]
        positions = np.array([[float(word) for word in line.split()[:3]] for line in sites])
    except (IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"this is not a POSCAR: {error}") from error
    if len(symbols) != len(counts) or positions.shape != (count, 3):
        raise InputError(
            "a POSCAR must have as many coordinates as atoms",
            value=f"{' '.join(symbols)}: {count} atoms, {len(positions)} rows",
        )
    if scale < 0 and np.isfinite(lattice).all():  # a negative scale is the volume
        scale = float(np.cbrt(-scale / abs(np.linalg.det(lattice))))
    species = [
        symbol.split("_")[0] for symbol, n in zip(symbols, counts, strict=True) for _ in range(n)
    ]
    # built once to have lattice and species checked before anything is inverted
    crystal = Crystal.from_vectors(lattice * scale, species, np.zeros((count, 3)))
    frac = positions @ np.linalg.inv(lattice) if cartesian else positions
    return Crystal(crystal.numbers, frac, crystal.lattice)


def check_distances(crystal: Crystal, minimum: float = MINIMUM_DISTANCE_A) -> None:
    """Raise `InputError` where two atoms, or an atom and its image, are nearer than `minimum`."""
    lattice, n = crystal.lattice, len(crystal)
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    # A difference of fractional coordinates, rounded into the cell, lies within 1/2 of its nearest
    # image along each axis; only in cells flatter than 2 x minimum can further images be nearer.
    reach = np.floor(minimum / heights + 0.5).astype(int)
    if reach.max() > _FLATTEST:
        raise InputError("a cell must not be flat", value=heights.tolist())
    nearest = (np.inf, 0, 0)
    for shift in product(*(range(-m, m + 1) for m in reach)):
        for start in range(0, n, _BLOCK):
            difference = crystal.frac[start : start + _BLOCK, None] - crystal.frac[None]
            difference += np.array(shift) - np.round(difference)
            squared = ((difference @ lattice) ** 2).sum(axis=-1)
            if not any(shift):
                rows = np.arange(len(squared))
                squared[rows, start + rows] = np.inf
            i, j = divmod(int(squared.argmin()), n)
            nearest = min(nearest, (float(squared[i, j]), start + i, j))
    distance, i, j = np.sqrt(nearest[0]), *nearest[1:]
    if distance < minimum:
        symbols = crystal.symbols
        raise InputError(
            f"atoms must be at least {minimum} angstrom apart",
            value=f"{symbols[i]} {i + 1} and {symbols[j]} {j + 1} at {distance:.3f} angstrom",
            remedy="remove duplicate sites, or check the cell",
        )
