"""Families of ions, by the group of atoms that carries the charge."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from leyden.data.molecules import read_molecule
from leyden.representations.group_counts import GROUPS

__all__ = ["OTHER", "ion_family"]

OTHER = "other"

_NAMES = [name for name, _ in GROUPS]
_FIRST_ANION, _AFTER_ANIONS = _NAMES.index("bis(sulfonyl)imide"), _NAMES.index("metal")


def ion_family(smiles: str, sign: int) -> str:
    """The first charged core of the ion, in the order of `leyden.representations.group_counts`.

    Parameters
    ----------
    smiles : str
        Of one ion.
    sign : int
        Of its charge: cores of cations and of anions are sought apart.

    Returns
    -------
    str
        Such as ``"imidazolium"``; ``"other"`` where no core is found.

    Examples
    --------
    >>> ion_family("CC[n+]1ccn(C)c1", 1), ion_family("[Br-]", -1)
    ('imidazolium', 'bromide')
    """
    molecule = read_molecule(smiles)
    for name, pattern in _cores(sign > 0):
        if molecule.HasSubstructMatch(pattern):
            return name
    return OTHER


@lru_cache(maxsize=2)
def _cores(cations: bool) -> list[tuple[str, Any]]:
    from rdkit.Chem import MolFromSmarts

    own = GROUPS[:_FIRST_ANION] if cations else GROUPS[_FIRST_ANION:_AFTER_ANIONS]
    return [(name, MolFromSmarts(smarts)) for name, smarts in own]
