"""From the files of the sources to the tidy form of the data home: one JSON object a crystal."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leyden.data.crystal import Crystal
from leyden.data.crystal_files import crystal_from_poscar
from leyden.errors import InputError

__all__ = ["CONVERTERS", "convert", "crystal_row", "to_line", "write_lines"]

Row = dict[str, Any]

_DECIMALS = 6  # of coordinates, lengths and moduli: what the sources print
_FIELD_BYTES = 2**27  # a structure is one field of these tables


def convert(converter: str, content: bytes, file: object = None) -> Iterator[Row]:
    """The rows of a source file in the tidy form.

    Parameters
    ----------
    converter : str
        One of `CONVERTERS`, as the card names it.
    content : bytes
        The file of the source.

    Yields
    ------
    dict
        ``id``, ``formula``, ``lattice`` [a, b, c, alpha, beta, gamma] (angstrom, degrees),
        ``species``, ``frac``, then properties.

    Raises
    ------
    InputError
        The file is not what the card says it is.
    """
    try:
        yield from CONVERTERS[converter](content)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, SyntaxError, csv.Error) as error:
        raise InputError(
            f"the source file has another form than its card says ({error!r})",
            file=file,
            remedy="the source has changed: report it to the authors of Leyden",
        ) from error


def _flla(content: bytes) -> Iterator[Row]:
    """Faber et al.: structures as printed Python dictionaries, read as literals and never run."""
    for row in _table(content):
        yield {
            "id": row["material_id"],
            "formula": _usual_formula(ast.literal_eval(row["formula"])),
            **_from_pymatgen(ast.literal_eval(row["structure"])),
            "formation_energy_per_atom": float(row["formation_energy_per_atom"]),
            "e_above_hull": float(row["e_above_hull"]),
        }


def _elastic_tensor(content: bytes) -> Iterator[Row]:
    """De Jong et al.: moduli in GPa."""
    moduli = ("K_VRH", "G_VRH", "K_Voigt", "K_Reuss", "G_Voigt", "G_Reuss")
    for row in _table(content):
        yield {
            **_from_poscar(row),
            **{
                name: round(float(row[name]), _DECIMALS)
                for name in (*moduli, "poisson_ratio", "elastic_anisotropy")
            },
            "elastic_tensor": [
                [round(value, 4) for value in line]
                for line in ast.literal_eval(row["elastic_tensor"])
            ],
        }


def _dielectric(content: bytes) -> Iterator[Row]:
    """Petousis et al.: band gap in eV, index of refraction, dielectric constants."""
    for row in _table(content):
        names = ("band_gap", "n", "poly_electronic", "poly_total")
        yield {**_from_poscar(row), **{name: float(row[name]) for name in names}}


def _matcalc_elasticity(content: bytes) -> Iterator[Row]:
    """Moduli in GPa of the benchmark of matcalc."""
    for row in json.loads(content):
        structure = row["structure"]
        yield {
            "id": row["mp_id"],
            "formula": row["formula"],
            **_from_pymatgen(structure),
            "K_VRH": row["bulk_modulus_vrh"],
            "G_VRH": row["shear_modulus_vrh"],
        }


CONVERTERS: dict[str, Callable[[bytes], Iterator[Row]]] = {
    "flla": _flla,
    "elastic-tensor": _elastic_tensor,
    "dielectric": _dielectric,
    "matcalc-elasticity": _matcalc_elasticity,
}
"""Name of a converter, as in the cards, to the function that makes its rows."""


def _table(content: bytes) -> Iterator[dict[str, str]]:
    """Rows of a CSV that may open with comments, and whose first column may have no name."""
    lines = content.decode("utf-8").splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    limit = csv.field_size_limit(_FIELD_BYTES)
    try:
        rows = csv.reader(io.StringIO("".join(lines[start:])))
        header = next(rows)
        for row in rows:
            names = header if len(row) == len(header) else ["", *header]
            yield dict(zip(names, row, strict=True))
    finally:
        csv.field_size_limit(limit)


def _from_pymatgen(structure: Mapping[str, Any]) -> Row:
    """Lattice, species and coordinates of a pymatgen structure in its dictionary form."""
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    sites = structure["sites"]
    for site in sites:
        if len(site["species"]) != 1 or site["species"][0]["occu"] != 1:
            raise ValueError(f"site {site['label']} is not occupied by one element")
    return {
        "lattice": [round(structure["lattice"][name], _DECIMALS) for name in names],
        "species": [site["species"][0]["element"] for site in sites],
        "frac": _wrapped(site["abc"] for site in sites),
    }


def _from_poscar(row: dict[str, str]) -> Row:
    crystal = crystal_from_poscar(row["poscar"])
    return {
        "id": row["material_id"],
        "formula": row["formula"],
        "spacegroup": int(row["space_group"]),
        **crystal_row(crystal),
    }


def crystal_row(crystal: Crystal) -> Row:
    """Lattice, species and coordinates of a crystal, rounded as the tidy form has them."""
    return {
        "lattice": [round(value, _DECIMALS) for value in crystal.parameters],
        "species": crystal.symbols,
        "frac": _wrapped(crystal.frac.tolist()),
    }


def _usual_formula(amounts: Mapping[str, float]) -> str:
    """A formula as the Materials Project spells it, with its radicals in brackets."""
    from pymatgen.core import Composition

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # helium has no electronegativity
        return str(Composition(amounts).reduced_formula)


def _wrapped(sites: Iterable[Sequence[float]]) -> list[list[float]]:
    """Fractional coordinates brought into the cell."""
    return [[round(x % 1.0, _DECIMALS) for x in site] for site in sites]


def to_line(row: Row) -> str:
    """One line of the tidy form."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n"


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write a gzip file of lines whose bytes depend on nothing but them; how many there were."""
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
        for line in lines:
            out.write(line.encode("utf-8"))
            count += 1
    return count
