"""What users of the field hold, and how it becomes an item: parsing and checks at the edge."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leyden.data.crystal import Crystal
from leyden.data.crystal_files import (
    check_distances,
    crystal_from_cif,
    crystal_from_poscar,
    one_cif_block,
)
from leyden.data.disordered import DisorderedCrystal, any_crystal_from_block, check_crowding
from leyden.data.formulas import ELEMENTS, parse_composition, parse_formula
from leyden.data.ions import IonPair
from leyden.data.molecules import parse_smiles
from leyden.errors import InputError

__all__ = [
    "ELEMENTS",
    "Crystal",
    "IonPair",
    "parse_any_crystal",
    "parse_composition",
    "parse_crystal",
    "parse_formula",
    "parse_smiles",
]


def parse_crystal(source: Any, *, file: object = None, row: int | str | None = None) -> Crystal:
    """A checked crystal from whatever users hold.

    Parameters
    ----------
    source : Crystal, pymatgen Structure, ASE Atoms, mapping, str or path
        A mapping in the JSONL form (``lattice``, ``species``, ``frac``); text of a CIF or a
        POSCAR; or the path of such a file.
    file, row : optional
        The place for messages.

    Raises
    ------
    InputError
        Anything that is not one ordered crystal with finite cell and atoms apart.
    """
    crystal: Crystal = _checked(source, _crystal, file, row)
    return crystal


def parse_any_crystal(
    source: Any, *, file: object = None, row: int | str | None = None
) -> Crystal | DisorderedCrystal:
    """As `parse_crystal`, but sites may be shared or partly empty: a `DisorderedCrystal`.

    Only a CIF, a pymatgen Structure and a `DisorderedCrystal` can tell of such sites. A crystal
    whose sites are all full is a `Crystal`.
    """
    crystal: Crystal | DisorderedCrystal = _checked(source, _any_crystal, file, row)
    return crystal


def _checked(source: Any, read: Callable[[Any], Any], file: object, row: int | str | None) -> Any:
    try:
        if isinstance(source, os.PathLike) or (isinstance(source, str) and "\n" not in source):
            file = source if file is None else file
            source = _text(Path(source))
        crystal = read(source)
        if isinstance(crystal, Crystal):
            check_distances(crystal)
        else:
            check_crowding(crystal)
    except InputError as error:
        raise error.at(file=file, row=row) from error
    return crystal


def _any_crystal(source: Any) -> Crystal | DisorderedCrystal:
    if isinstance(source, DisorderedCrystal):
        return source
    if isinstance(source, str) and _is_cif(source):
        return any_crystal_from_block(one_cif_block(source))
    if hasattr(source, "frac_coords") and not source.is_ordered:
        return DisorderedCrystal.from_structure(source)
    return _crystal(source)


def _is_cif(text: str) -> bool:
    return any(line.lstrip().startswith(("data_", "loop_")) for line in text.splitlines())


def _crystal(source: Any) -> Crystal:
    if isinstance(source, Crystal):
        return source
    if isinstance(source, DisorderedCrystal):
        return source.to_crystal()
    if isinstance(source, str):
        return crystal_from_cif(source) if _is_cif(source) else crystal_from_poscar(source)
    if isinstance(source, Mapping):
        return Crystal.from_mapping(source)
    if hasattr(source, "frac_coords"):
        return Crystal.from_structure(source)
    if hasattr(source, "get_scaled_positions"):
        return Crystal.from_atoms(source)
    raise InputError(
        "a crystal is a Structure, Atoms, CIF or POSCAR text, a path or a JSON object",
        value=type(source).__name__,
    )


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}", remedy="check the path"
        ) from error
    if not text.strip():
        raise InputError("the file is empty", remedy="export the structure again")
    return text
