"""Ions by what a conductor sees of them: PM7/COSMO energies, cavity and sigma profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leyden.errors import InputError
from leyden.representations.cache import cache_folder
from leyden.simulators.cosmo_table import cosmo_rows, known_cosmo_ions
from leyden.simulators.mopac import COSMO_COLUMNS, MopacMissingError

__all__ = ["CosmoVectors"]

_ORBITALS = ["homo_eV", "lumo_eV"]


@dataclass(frozen=True)
class CosmoVectors:
    """PM7/COSMO properties of single ions (`leyden.simulators.mopac`).

    Taken from the table of the data home, and for other ions calculated with MOPAC, about a second
    each, and kept. Where a calculation tells no orbital energies (open shells, lone halides) the
    median of the table stands for them, or 0 where there is no table.

    Attributes
    ----------
    calculate : bool
        Whether MOPAC may be run.
    """

    kind: ClassVar[str] = "cosmo_vectors"

    calculate: bool = True

    def transform(self, items: Sequence[str]) -> np.ndarray:
        """Vectors of shape (k, 74) of SMILES of single ions.

        Raises
        ------
        InputError
            With `row`: a SMILES that cannot be read, an ion that is not known and cannot be
            calculated.
        """
        try:
            folder = cache_folder() / "mopac" if self.calculate else None
            rows = cosmo_rows(items, folder)
        except MopacMissingError:
            rows = cosmo_rows(items)
        for row, (smiles, error) in enumerate(zip(rows["smiles"], rows["error"], strict=True), 1):
            if error:
                rule, _, remedy = error.partition(" Remedy: ")
                raise InputError(
                    rule.rstrip("."), value=smiles, row=row, remedy=remedy.rstrip(".") or None
                )
        values = rows[list(COSMO_COLUMNS)]
        medians = known_cosmo_ions()[_ORBITALS].median().fillna(0.0)
        return values.fillna(medians).to_numpy(dtype=float)

    def names(self) -> list[str]:
        """A name a column, with its unit; ``p_...`` is the sigma profile, A^2 a bin."""
        return list(COSMO_COLUMNS)
