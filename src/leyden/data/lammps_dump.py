"""Text dumps of LAMMPS (A. P. Thompson et al., Comput. Phys. Commun. 271, 108171 (2022))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from leyden.data.frame_checks import frame_of
from leyden.data.trajectory_frames import Frame, number_table, open_text, truncated
from leyden.errors import InputError

__all__ = ["ANGSTROM", "lammps_frames"]

ANGSTROM = {
    "real": 1.0,
    "metal": 1.0,
    "electron": 0.529177210903,
    "si": 1e10,
    "cgs": 1e8,
    "micro": 1e4,
    "nano": 10.0,
}
"""Angstrom in the unit of length of LAMMPS' unit styles; ``lj`` has none of its own."""

_PS = {
    "real": 1e-3,
    "metal": 1.0,
    "electron": 1e-3,
    "si": 1e12,
    "cgs": 1e12,
    "micro": 1e6,
    "nano": 1e3,
}


def lammps_frames(path: Path) -> Iterator[Frame]:
    """Frames of a dump, atoms sorted by id; wrapped places with image flags are unwrapped.

    Raises
    ------
    InputError
        The file is cut off or no dump, the box is not periodic, or the atoms are not the same
        in all frames.
    """
    first: _Atoms | None = None
    with open_text(path) as file:
        for number, header in enumerate(_headers(file, path)):
            atoms = _atoms(file, header, path, number, names=first is None)
            first = first or atoms
            if not np.array_equal(atoms.ids, first.ids) or not np.array_equal(
                atoms.types, first.types
            ):
                raise InputError(
                    "all frames have the same atoms, with the same ids and types",
                    file=frame_of(path, number),
                    remedy="dump a group of atoms that neither changes nor loses members",
                )
            yield _frame(header, atoms, path, number)


@dataclass
class _Header:
    step: int
    atoms: int
    box: list[list[float]]
    box_style: list[str]
    columns: list[str]
    units: str | None
    time: float | None


class _Atoms(NamedTuple):
    """Lines of atoms, sorted by id."""

    ids: np.ndarray
    types: np.ndarray
    columns: Mapping[str, np.ndarray]
    labels: tuple[str, ...] | None


def _headers(file: IO[str], path: Path) -> Iterator[_Header]:
    """Everything of a frame up to its atoms; the reader of atoms takes over in between."""
    units: str | None = None
    found: dict[str, Any] = {}
    number = 0
    while line := file.readline():
        item = line.strip()
        try:
            if item == "ITEM: UNITS":
                units = file.readline().strip()
            elif item in {"ITEM: TIMESTEP", "ITEM: NUMBER OF ATOMS", "ITEM: TIME"}:
                found[item[6:]] = float(file.readline())
            elif item.startswith("ITEM: BOX BOUNDS"):
                found["style"] = item.split()[3:]
                found["box"] = [[float(x) for x in file.readline().split()] for _ in range(3)]
            elif item.startswith("ITEM: ATOMS"):
                yield _Header(
                    int(found["TIMESTEP"]),
                    int(found["NUMBER OF ATOMS"]),
                    found.get("box", []),
                    found.get("style", []),
                    item.split()[2:],
                    units,
                    found.get("TIME"),
                )
                number, found = number + 1, {}
            else:
                raise InputError(
                    "a LAMMPS dump has lines that begin with ITEM: and as many atoms as it says",
                    value=item,
                    file=frame_of(path, number),
                    remedy="dump as text: dump ID GROUP custom EVERY FILE id type xu yu zu",
                )
        except (ValueError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise truncated(path, number) from error
    if found:
        raise truncated(path, number)


def _atoms(file: IO[str], header: _Header, path: Path, number: int, names: bool) -> _Atoms:
    names_there = header.columns
    if "id" not in names_there or not _places(names_there):
        raise InputError(
            "a dump has the columns id and xu yu zu, or x y z (with ix iy iz), or xs ys zs",
            value=" ".join(names_there),
            file=frame_of(path, number),
            remedy="dump ID GROUP custom EVERY FILE id type xu yu zu",
        )
    lines = [file.readline() for _ in range(header.atoms)]
    if not lines or not lines[-1]:
        raise truncated(path, number)
    wanted = [c for c in names_there if c not in {"element", "typelabel"}]
    numbers = number_table(lines, [names_there.index(c) for c in wanted], path, number)
    table = dict(zip(wanted, numbers.T, strict=True))
    order = np.argsort(table["id"], kind="stable")  # LAMMPS writes atoms in any order
    table = {name: column[order] for name, column in table.items()}
    if not (np.diff(table["id"]) > 0).all():
        raise InputError("an atom's id occurs once in a frame", file=frame_of(path, number))
    labels: tuple[str, ...] | None = None
    if names:
        text = next((c for c in ("element", "typelabel") if c in names_there), None)
        if text is not None:
            place = names_there.index(text)
            labels = tuple(lines[i].split()[place] for i in order)
        elif "type" in table:
            labels = tuple(str(int(kind)) for kind in table["type"])
    types = table.get("type", np.zeros(header.atoms))
    return _Atoms(table["id"], types, table, labels)


def _places(columns: list[str]) -> tuple[str, ...] | None:
    """The best three columns of places: unwrapped before wrapped, plain before scaled."""
    for form in ("xu", "xsu", "x", "xs"):
        names = tuple(axis + form[1:] for axis in "xyz")
        if set(names) <= set(columns):
            return names
    return None


def _frame(header: _Header, atoms: _Atoms, path: Path, number: int) -> Frame:
    cell, origin = _cell(header, path, number)
    names = _places(header.columns) or ()
    positions = np.stack([atoms.columns[name] for name in names], axis=1)
    if names[0] in {"xs", "xsu"}:
        positions = origin + positions @ cell
    unwrapped = names[0] in {"xu", "xsu"}
    if not unwrapped and {"ix", "iy", "iz"} <= set(header.columns):
        flags = np.stack([atoms.columns[name] for name in ("ix", "iy", "iz")], axis=1)
        positions, unwrapped = positions + flags @ cell, True
    timed = header.time is not None and header.units in _PS
    return Frame(
        positions,
        cell,
        ANGSTROM.get(header.units, np.nan) if header.units else None,
        float(header.time) if timed and header.time is not None else float(header.step),
        _PS[str(header.units)] if timed else None,
        unwrapped,
        atoms.labels,
        atoms.columns.get("q"),
        atoms.columns.get("mol"),
    )


def _cell(header: _Header, path: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    box = np.array(header.box)
    style = [word for word in header.box_style if len(word) == 2 and set(word) <= set("pfsm")]
    if box.shape not in {(3, 2), (3, 3)} or "abc" in header.box_style:
        raise InputError(
            "a dump has BOX BOUNDS of three lines with two or three numbers",
            value=header.box,
            file=frame_of(path, number),
        )
    if any(word != "pp" for word in style):
        raise InputError(
            "the cell is periodic along all three directions",
            value=" ".join(header.box_style),
            file=frame_of(path, number),
            remedy="write BOX BOUNDS pp pp pp if there is vacuum enough at the open faces",
        )
    low, high = box[:, 0].copy(), box[:, 1].copy()
    xy, xz, yz = box[:, 2] if box.shape[1] == 3 else (0.0, 0.0, 0.0)
    # A dump bounds a tilted cell by the rectangular box around it.
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    cell = np.diag(high - low)
    cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
    return cell, low
