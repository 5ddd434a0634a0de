"""Lists of ions, read and checked: each ion once, and the others told with the reason."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from leyden.data.molecules import formal_charge, inchi_key, is_metal_ion, parse_smiles
from leyden.errors import InputError

__all__ = ["checked_ions", "read_ions"]

_CHECKED = ("smiles", "inchikey", "charge", "source", "row", "error")


def read_ions(path: str | os.PathLike[str]) -> pd.DataFrame:
    """A list of ions from a CSV (also .csv.gz) or Parquet file.

    Raises
    ------
    InputError
        The file cannot be read as such.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"the ions cannot be read: {reason}", file=path) from error
    except Exception as error:  # a damaged file fails in any way
        raise InputError(
            f"the ions cannot be read ({type(error).__name__}: {error})",
            file=path,
            remedy="give a CSV or Parquet file with a column smiles",
        ) from error


def checked_ions(lists: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """All rows of some lists, each checked by its SMILES.

    Parameters
    ----------
    lists : sequence of (str, DataFrame)
        A name, and a table with a column ``smiles``, and ``charge`` if it should be compared.

    Returns
    -------
    DataFrame
        A row a row: ``smiles``, ``inchikey``, ``charge`` (of the SMILES), ``source``, ``row`` (from
        1) and ``error``: why the ion is not screened; empty where it is.  Only ions of one charge,
        positive or negative, are; of equal ones (by InChIKey) the first.

    Raises
    ------
    InputError
        A list without a column of SMILES.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for source, table in lists:
        if "smiles" not in table.columns:
            raise InputError(
                "a list of ions has a column smiles",
                value=[str(column) for column in table.columns],
                file=source,
            )
        claims = table["charge"] if "charge" in table.columns else [None] * len(table)
        for row, (smiles, claim) in enumerate(zip(table["smiles"], claims, strict=True), start=1):
            ion = _ion(smiles, claim)
            if not ion["error"] and ion["inchikey"] in seen:
                ion["error"] = f"the same ion as {seen[ion['inchikey']]}"
            elif not ion["error"]:
                seen[ion["inchikey"]] = f"row {row} of {source}"
            rows.append({**ion, "source": source, "row": row})
    return pd.DataFrame(rows, columns=list(_CHECKED))


def _ion(smiles: Any, claim: Any) -> dict[str, Any]:
    """One row, by its SMILES."""
    ion: dict[str, Any] = {"smiles": str(smiles), "inchikey": "", "charge": pd.NA, "error": ""}
    try:
        text = parse_smiles(smiles)
        ion["charge"] = charge = formal_charge(smiles)
        ion["inchikey"] = inchi_key(smiles)
    except InputError as error:
        return {**ion, "error": str(error)}
    if "." in text:
        ion["error"] = "several species, not one ion"
    elif not _agrees(claim, charge):
        ion["error"] = f"the list gives the charge {claim}, the SMILES {charge:+d}"
    elif charge == 0:
        ion["error"] = "no net charge: a molecule or a zwitterion"
    elif abs(charge) > 1:
        ion["error"] = f"charge {charge:+d}: only pairs of two single charges are screened"
    elif is_metal_ion(smiles):
        ion["error"] = "a metal ion: no model of ionic liquids has learned from any"
    return ion


def _agrees(claim: Any, charge: int) -> bool:
    """Whether a table says nothing of the charge, or the same."""
    try:
        return pd.isna(claim) or claim == "" or float(claim) == charge
    except (TypeError, ValueError):
        return False
