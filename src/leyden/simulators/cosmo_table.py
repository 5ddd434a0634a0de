"""Ions with their PM7/COSMO properties: the table of the data home, and MOPAC for what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.data.home import data_home
from leyden.data.molecules import inchi_key
from leyden.errors import LeydenError
from leyden.simulators.mopac import COSMO_COLUMNS, simulate

__all__ = ["COSMO_FILE", "cosmo_rows", "known_cosmo_ions"]

#: Where the table lies in the data home: 863 ions, made with MOPAC 22.
COSMO_FILE = Path("il-ions") / "pm7_cosmo.csv.gz"

_REMEDY = (
    f"Remedy: let MOPAC calculate it (Debian package mopac), or add the ion to {COSMO_FILE} in the "
    "data home."
)


def known_cosmo_ions() -> pd.DataFrame:
    """The table of the data home, each InChIKey once: ``smiles``, ``inchikey``, `COSMO_COLUMNS`.

    Empty where the file is absent.
    """
    file = data_home() / COSMO_FILE
    return _read(file, file.stat().st_mtime_ns).reset_index() if file.exists() else _empty()


def cosmo_rows(
    ions: Sequence[str], folder: str | Path | None = None, *, n_jobs: int = 1
) -> pd.DataFrame:
    """PM7/COSMO properties of ions, from the table where their InChIKey stands in it.

    Parameters
    ----------
    ions : sequence of str, length n
        SMILES.
    folder : path, optional
        Where `leyden.simulators.mopac.simulate` keeps its results; without it nothing is
        calculated.
    n_jobs : int
        Processes for the calculations.

    Returns
    -------
    DataFrame
        One row an ion, in order: ``smiles``, ``inchikey``, `COSMO_COLUMNS`, ``error``. Where an
        ion is not known the values are NaN, and ``error`` says why and what helps.

    Raises
    ------
    MopacMissingError
        An ion must be calculated, and there is no MOPAC.
    """
    known = known_cosmo_ions().set_index("inchikey")
    keys, errors = [], []
    for smiles in ions:
        try:
            keys.append(inchi_key(smiles))
            errors.append("")
        except LeydenError as error:
            keys.append("")
            errors.append(str(error))
    rows = known.reindex(keys)[list(COSMO_COLUMNS)].reset_index(drop=True)
    rows.insert(0, "inchikey", keys)
    rows.insert(0, "smiles", list(ions))
    absent = ~np.isin(keys, known.index) & (np.array(errors) == "")
    rows["error"] = np.where(absent, f"an ion without PM7/COSMO properties. {_REMEDY}", errors)
    if folder is not None and absent.any():
        made = simulate(
            [smiles for smiles, lacks in zip(ions, absent, strict=True) if lacks],
            folder,
            n_jobs=n_jobs,
        )
        columns = [*COSMO_COLUMNS, "error"]
        rows.loc[absent, columns] = made[columns].to_numpy()
    return rows.astype(dict.fromkeys(COSMO_COLUMNS, float))


@lru_cache(maxsize=4)
def _read(file: Path, changed_ns: int) -> pd.DataFrame:
    """The table, read once a change of the file."""
    table = pd.read_csv(file).drop_duplicates("inchikey").set_index("inchikey")
    return table[["smiles", *COSMO_COLUMNS]].astype(dict.fromkeys(COSMO_COLUMNS, float))


def _empty() -> pd.DataFrame:
    names = dict.fromkeys(("inchikey", "smiles"), object) | dict.fromkeys(COSMO_COLUMNS, float)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in names.items()})
