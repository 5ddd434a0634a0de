"""Every ion that is known, once, with where it is known from: what pairs can be made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from leyden.data.cards import Table, card
from leyden.data.catalog import DroppedRowsWarning
from leyden.data.columns import find_column
from leyden.data.ions import single_ion
from leyden.data.molecules import (
    formal_charge,
    inchi_key,
    is_metal_ion,
    parse_smiles,
    with_hydrogens,
)
from leyden.data.readers import read_table
from leyden.data.tables import read_rows
from leyden.errors import InputError

__all__ = ["ion_catalogue"]

_SETS = ("ilthermo", "il-melting", "il-properties", "il-ions")


def ion_catalogue(*lists: str | Path) -> pd.DataFrame:
    """The monovalent molecular ions of the data home, and of a user's own lists, by InChIKey.

    Metal ions, ions of higher charge and neutral molecules are left out of the sets of the data
    home: a screen pairs every cation with every anion, one to one.

    Parameters
    ----------
    *lists : str or path
        A user's tables of ions with a column ``smiles``; cations and anions may be mixed.

    Returns
    -------
    DataFrame
        ``inchikey``, ``smiles`` (canonical), ``charge`` (+1 or -1), ``sources`` and ``licence`` (of
        each source, joined by "; "), sorted by charge and key.

    Raises
    ------
    InputError
        A set of the data home is not there; a list without SMILES; a row that is no ion.
        The message names it.

    Warns
    -----
    DroppedRowsWarning
        Metal ions, and ions of higher charge, of a user's lists; ions that cannot be read.

    Examples
    --------
    ``ions = ion_catalogue(); (ions.charge > 0).sum() * (ions.charge < 0).sum()`` pairs.
    """
    rows = [*_of_data_home(), *(row for path in lists for row in _of_list(Path(path)))]
    table = pd.DataFrame(rows, columns=["inchikey", "smiles", "charge", "sources", "licence"])
    first = table.sort_values(["inchikey", "smiles"], kind="stable").groupby("inchikey")
    ions = first.agg(
        smiles=("smiles", "first"),
        charge=("charge", "first"),
        sources=("sources", _joined),
        licence=("licence", _joined),
    )
    ordered = ions.reset_index().sort_values(["charge", "inchikey"], ascending=[False, True])
    return ordered.reset_index(drop=True)


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _of_data_home() -> Iterator[tuple[str, str, int, str, str]]:
    for name in _SETS:
        chosen = card(name)
        texts: set[str] = set()
        for table in chosen.tables:
            if table.targets:
                texts |= _texts(table, read_rows(chosen, table))
        for text in sorted(texts):
            try:
                yield (*_ion(text), name, chosen.licence)
            except InputError as error:
                if not _is_other(text):
                    message = f"{name}: an ion cannot be read and is left out: {error}"
                    warnings.warn(message, DroppedRowsWarning, stacklevel=3)


def _is_other(text: str) -> bool:
    """Whether it is an ion of another charge, a metal or several species: nothing to pair."""
    try:
        return abs(formal_charge(text)) != 1 or is_metal_ion(text) or "." in text
    except InputError:
        return False


def _texts(table: Table, frame: pd.DataFrame) -> set[str]:
    columns = ("cation", "anion") if table.items == "ion pair" else (table.item,)
    return {text for column in columns for text in frame[column].astype(str)}


def _of_list(path: Path) -> Iterator[tuple[str, str, int, str, str]]:
    table = read_table(path)
    column = find_column("smiles", table.columns, path)
    left_out = []
    for row, text in enumerate(table[column], start=1):
        try:
            charge = formal_charge(text)
            if abs(charge) > 1 or is_metal_ion(text):
                left_out.append(str(text))
                continue
            yield (*_ion(text), path.name, "the user's own")
        except InputError as error:
            raise error.at(file=path, row=row) from error
    if left_out:
        warnings.warn(
            f"{path}: {len(left_out)} ions are metals or of higher charge and are left out "
            f"({', '.join(left_out[:3])})",
            DroppedRowsWarning,
            stacklevel=2,
        )


def _ion(text: str) -> tuple[str, str, int]:
    """InChIKey, SMILES and charge of a monovalent molecular ion."""
    charge = formal_charge(text)
    ion = with_hydrogens(single_ion(text, 1 if charge > 0 else -1))
    charge = formal_charge(ion)
    if abs(charge) != 1 or is_metal_ion(ion):
        raise InputError(
            "an ion of a list must be molecular and of charge +1 or -1",
            value=text,
            remedy="leave the row out",
        )
    return inchi_key(ion), parse_smiles(ion), charge
