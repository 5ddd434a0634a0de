"""Trajectories in extended XYZ, as ASE, OVITO and many codes write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.frame_checks import frame_of
from leyden.data.trajectory_frames import Frame, number_table, open_text, truncated
from leyden.errors import InputError

__all__ = ["extended_xyz_frames"]


def extended_xyz_frames(path: Path) -> Iterator[Frame]:
    """Frames of an extended XYZ file; names of beads are as good as elements.

    Raises
    ------
    InputError
        The file is cut off, the cell is not periodic, or the number of atoms varies.
    """
    from ase.io.extxyz import key_val_str_to_dict

    with open_text(path) as file:
        number, count = 0, None
        while line := file.readline():
            if not line.strip():
                continue
            comment = file.readline()
            if not comment.endswith("\n"):
                raise truncated(path, number)
            if not line.strip().isdigit() or (count is not None and int(line) != count):
                raise InputError(
                    "a frame begins with the number of atoms, the same in all frames"
                    + ("" if count is None else f": {count}"),
                    value=line.strip(),
                    file=frame_of(path, number),
                )
            count = int(line)
            lines = [file.readline() for _ in range(count)]
            if not lines or not lines[-1]:
                raise truncated(path, number)
            info = key_val_str_to_dict(comment)
            yield _frame(info, lines, path, number)
            number += 1


def _frame(info: Mapping[str, Any], lines: list[str], path: Path, number: int) -> Frame:
    place, columns = 0, {}
    words = str(info.get("Properties", "species:S:1:pos:R:3")).split(":")
    for name, _, width in zip(words[::3], words[1::3], words[2::3], strict=False):
        columns[name.lower()] = list(range(place, place + int(width)))
        place += int(width)
    cell = info.get("Lattice")
    periodic = np.asarray(info.get("pbc", True))
    if cell is not None and not periodic.all():
        raise InputError(
            "the cell is periodic along all three directions",
            value=periodic.tolist(),
            file=frame_of(path, number),
            remedy='write pbc="T T T" if there is vacuum enough at the open faces',
        )
    labels = charges = molecules = None
    if number == 0:
        if "species" in columns:
            labels = tuple(line.split()[columns["species"][0]] for line in lines)
        charges = _column(columns, ("initial_charges", "charges", "charge"), lines, path)
        molecules = _column(columns, ("molecules", "molecule", "mol"), lines, path)
    return Frame(
        number_table(lines, columns["pos"], path, number),
        None if cell is None else np.asarray(cell, dtype=np.float64).reshape(3, 3).T,
        1.0,
        float(number),
        None,
        None,
        labels,
        charges,
        molecules,
    )


def _column(
    columns: Mapping[str, list[int]], names: tuple[str, ...], lines: list[str], path: Path
) -> np.ndarray | None:
    name = next((n for n in names if n in columns), None)
    return None if name is None else number_table(lines, columns[name], path, 0)[:, 0]
