"""Free energies of solvation: a solute in a solvent, measured and simulated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.molecules import formal_charge, inchi_key, parse_smiles
from leyden.errors import InputError, did_you_mean

__all__ = ["SOLVATION_TARGETS", "MoleculePair", "solvation"]

SOLVATION_TARGETS = {
    "experimental": "solvation_free_energy_kcal_per_mol",
    "simulated": "simulated_solvation_free_energy_kcal_per_mol",
}
"""Kind of data to its target."""

_RESPELLED = {"N#N=O": "[N-]=[N+]=O"}
"""Nitrous oxide with a pentavalent nitrogen (10 rows), which RDKit would read as an ion."""


@dataclass(frozen=True, order=True)
class MoleculePair:
    """A neutral molecule, infinitely dilute in a liquid of another.

    Attributes
    ----------
    solute, solvent : str
        SMILES of one neutral molecule each; a zwitterion is one. They may be equal.

    Raises
    ------
    InputError
        A SMILES that cannot be read; an ion.

    Examples
    --------
    >>> MoleculePair.from_smiles("O.CCO")
    MoleculePair(solute='CCO', solvent='O')
    """

    solute: str
    solvent: str

    def __post_init__(self) -> None:
        for smiles in (self.solute, self.solvent):
            if charge := formal_charge(smiles):
                raise InputError(
                    f"a molecule of a solute-solvent pair must be neutral, and this has "
                    f"charge {charge:+d}",
                    value=smiles,
                    remedy="write the neutral form, or leave the row out",
                )

    @classmethod
    def from_smiles(cls, text: str) -> MoleculePair:
        """The pair of ``"solvent.solute"``, the order of CombiSolv, in canonical SMILES."""
        parts = text.split(".")
        if len(parts) != 2:
            raise InputError(
                "a pair must be two molecules, joined by one dot",
                value=text,
                remedy="write solvent.solute",
            )
        solvent, solute = (parse_smiles(_RESPELLED.get(part, part)) for part in parts)
        return cls(solute, solvent)

    @property
    def first(self) -> str:
        """The solute: what a recommender of two entities calls the first."""
        return self.solute

    @property
    def second(self) -> str:
        """The solvent."""
        return self.solvent

    @property
    def keys(self) -> tuple[str, str]:
        """InChIKeys of solute and solvent: what makes two pairs the same."""
        return inchi_key(self.solute), inchi_key(self.solvent)


def solvation(kind: str = "experimental", *, rows: int | None = None) -> Dataset:
    """CombiSolv's free energies of solvation at 298 K, one row a solute in a solvent.

    The files write ``solvent.solute``, though their description leaves the order open. Three
    things show it: a first molecule is one of 290 liquids and a second one of ten thousand
    compounds; water comes first in 1,153 measured rows; and where a simulated pair has been
    measured, the two differ by 0.36 kcal/mol on average in this order (262 pairs) and by 2.7 in
    the other (144).

    Parameters
    ----------
    kind : str
        ``"experimental"`` or ``"simulated"`` (COSMO-RS).
    rows : int, optional
        The first so many rows of the files.

    Returns
    -------
    Dataset
        Items are `MoleculePair`, ids ``"SOLUTE.SOLVENT"`` of InChIKeys, and the groups ``pair``
        (the two keys in alphabetical order: both orders are one), ``solute`` and ``solvent``.
        All three mean the same in both kinds, so that what tests one is kept out of the other.
        Tautomers that InChI does not tell apart are one row, their mean.

    Raises
    ------
    InputError
        Another kind; the data are not there; a row that is no pair of neutral molecules.

    References
    ----------
    Vermeire and Green, Chem. Eng. J. 418, 129307 (2021).
    """
    if kind not in SOLVATION_TARGETS:
        raise InputError(
            f"a kind of solvation data is one of {', '.join(SOLVATION_TARGETS)}",
            value=kind,
            remedy=did_you_mean(kind, SOLVATION_TARGETS, "name one of them"),
        )
    target = SOLVATION_TARGETS[kind]
    found = load("solvation", target=target).take(slice(rows))
    pairs = []
    for number, text in enumerate(found.items, start=1):
        try:
            pairs.append(MoleculePair.from_smiles(text))
        except InputError as error:
            raise error.at(file=f"solvation, {kind}", row=number) from error
    keys = np.array([pair.keys for pair in pairs])
    ids = pd.Series([".".join(pair) for pair in keys])
    first = np.flatnonzero(~ids.duplicated())
    mean = found.targets[target].groupby(ids.to_numpy()).mean()
    return replace(
        found,
        name=f"solvation, {kind}",
        ids=ids[first].to_numpy(dtype=str),
        items=tuple(pairs[row] for row in first),
        targets=pd.DataFrame({target: mean[ids[first]].to_numpy()}),
        groups=pd.DataFrame(
            {
                "pair": [".".join(sorted(pair)) for pair in keys[first]],
                "solute": keys[first, 0],
                "solvent": keys[first, 1],
            }
        ),
        extra=pd.DataFrame(),
        bounds=found.bounds[first],
        _root=None,
    )
