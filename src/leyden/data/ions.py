"""Ionic liquids as items: a pair of ions, and a pair at a temperature and a pressure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leyden.data.molecules import formal_charge, inchi_key
from leyden.errors import InputError

__all__ = ["AMBIENT_KPA", "ROOM_K", "IonPair", "StatePoint", "state_point"]

ROOM_K = 298.15
AMBIENT_KPA = 101.325


@dataclass(frozen=True, order=True)
class IonPair:
    """A cation and an anion, in the ratio that makes a neutral salt.

    Attributes
    ----------
    cation, anion : str
        SMILES of one ion each.

    Raises
    ------
    InputError
        A SMILES that cannot be read, or an ion without a charge of its sign.

    Examples
    --------
    >>> IonPair("CC[n+]1ccn(C)c1", "N#C[N-]C#N").smiles
    'CC[n+]1ccn(C)c1.N#C[N-]C#N'
    >>> IonPair("[Ca+2]", "[Cl-]").stoichiometry
    (1, 2)
    """

    cation: str
    anion: str

    def __post_init__(self) -> None:
        remedy = "write the formal charges in the SMILES, such as [Cl-]"
        if formal_charge(self.cation) <= 0:
            raise InputError(
                "a cation must carry positive charge", value=self.cation, remedy=remedy
            )
        if formal_charge(self.anion) >= 0:
            raise InputError("an anion must carry negative charge", value=self.anion, remedy=remedy)

    @property
    def stoichiometry(self) -> tuple[int, int]:
        """Coprime numbers of cations and anions that make the salt neutral."""
        plus, minus = formal_charge(self.cation), -formal_charge(self.anion)
        divisor = math.gcd(plus, minus)
        return minus // divisor, plus // divisor

    @property
    def smiles(self) -> str:
        """The neutral salt as one SMILES, its ions joined by dots."""
        cations, anions = self.stoichiometry
        return ".".join([self.cation] * cations + [self.anion] * anions)

    @property
    def keys(self) -> tuple[str, str]:
        """InChIKeys of cation and anion: what makes two pairs the same."""
        return inchi_key(self.cation), inchi_key(self.anion)


@dataclass(frozen=True, order=True)
class StatePoint:
    """An ion pair at a temperature and a pressure.

    Attributes
    ----------
    pair : IonPair
    temperature_K, pressure_kPa : float
        Default: 298.15 K and 101.325 kPa.

    Raises
    ------
    InputError
        A temperature or a pressure that no liquid was measured at: another unit.
    """

    pair: IonPair
    temperature_K: float = ROOM_K
    pressure_kPa: float = AMBIENT_KPA

    @property
    def cation(self) -> str:
        """SMILES of the cation."""
        return self.pair.cation

    @property
    def anion(self) -> str:
        """SMILES of the anion."""
        return self.pair.anion


def state_point(item: IonPair | StatePoint) -> StatePoint:
    """The item itself, or a pair at 298.15 K and 101.325 kPa."""
    return item if isinstance(item, StatePoint) else StatePoint(item)
