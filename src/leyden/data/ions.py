"""Ionic liquids as items: a pair of ions, and a pair at a temperature and a pressure."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from leyden.data.molecules import formal_charge, inchi_key, is_metal_ion, read_molecule
from leyden.errors import InputError

__all__ = [
    "AMBIENT_KPA",
    "ROOM_K",
    "IonPair",
    "StatePoint",
    "doubtful_pressure",
    "single_ion",
    "state_point",
]

ROOM_K = 298.15
AMBIENT_KPA = 101.325

_TEMPERATURES_K = (100.0, 1000.0)
_PRESSURES_KPA = (2.0, 1e6)
_ATMOSPHERE_PA = 101325.0
_BAR_PA = 1e5


@dataclass(frozen=True, order=True)
class IonPair:
    """A cation and an anion, in the ratio that makes a neutral salt.

    An ion that is written several times (``"[Br-].[Br-]"``, as data banks write the anions of
    a 1:2 salt) is one ion; the ratio follows from the charges. Metal ions are ions here, and
    `metal_ions` names them: what learns from the structure of molecular ions has nothing to learn
    from a bare atom, and leaves them out or refuses them.

    Attributes
    ----------
    cation, anion : str
        SMILES of one ion each.

    Raises
    ------
    InputError
        A SMILES that cannot be read; a neutral molecule, a zwitterion or an ion of the other sign;
        two different cations or anions.

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
        object.__setattr__(self, "cation", single_ion(self.cation, +1))
        object.__setattr__(self, "anion", single_ion(self.anion, -1))

    @classmethod
    def from_smiles(cls, text: str) -> IonPair:
        """The pair of a salt written as one SMILES, its ions told apart by their charges.

        Raises
        ------
        InputError
            As of the pair; no ion of one sign, or a neutral molecule beside the ions.

        Examples
        --------
        >>> IonPair.from_smiles("[Cl-].[Cl-].[Ca+2]")
        IonPair(cation='[Ca+2]', anion='[Cl-]')
        """
        read_molecule(text)
        charges = {part: formal_charge(part) for part in text.split(".")}
        if neutral := [part for part, charge in charges.items() if charge == 0]:
            raise InputError(
                "a salt must be ions only, and a part of this one is neutral",
                value=neutral[0],
                remedy="leave out solvent, or write the formal charges of the ions",
            )
        signs = {}
        for name, sign in (("cation", 1), ("anion", -1)):
            signs[name] = ".".join(part for part, charge in charges.items() if charge * sign > 0)
            if not signs[name]:
                raise InputError(
                    f"a salt must have a cation and an anion, and this one has no {name}",
                    value=text,
                    remedy="write both ions, joined by a dot",
                )
        return cls(**signs)

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

    @property
    def metal_ions(self) -> tuple[str, ...]:
        """Those of its ions that are a bare metal atom, such as ``[Li+]``."""
        return tuple(ion for ion in (self.cation, self.anion) if is_metal_ion(ion))


@lru_cache(maxsize=65536)
def single_ion(smiles: str, sign: int) -> str:
    """The one ion that a SMILES holds, perhaps several times; kept, since ions recur.

    Parameters
    ----------
    smiles : str
        The ion, or copies of it joined by dots.
    sign : int
        +1 for a cation, -1 for an anion.

    Raises
    ------
    InputError
        It cannot be read, is of the wrong charge, or holds two species.
    """
    read_molecule(smiles)  # an unreadable part is told with the whole text
    parts = smiles.split(".")
    name, other = ("cation", "anion") if sign > 0 else ("anion", "cation")
    for part in parts:
        _check_charge(part, sign, name, other)
    if len({inchi_key(part) for part in parts}) > 1:
        raise InputError(
            f"a pair must have one {name}, and this is a salt of {len(parts)} different ones",
            value=smiles,
            remedy=f"leave out double salts and mixtures, or give one row a {name}",
        )
    return parts[0]


def _check_charge(smiles: str, sign: int, name: str, other: str) -> None:
    charge = formal_charge(smiles)
    if charge * sign > 0:
        return
    article = "an" if name == "anion" else "a"
    sense = "positive" if sign > 0 else "negative"
    rule = f"{article} {name} must carry {sense} charge"
    if charge:
        raise InputError(
            f"{rule}, and this has charge {charge:+d}",
            value=smiles,
            remedy=f"exchange the columns if it is the {other}",
        )
    if any(atom.GetFormalCharge() for atom in read_molecule(smiles).GetAtoms()):
        raise InputError(
            f"{rule}, and this is a zwitterion or an inner salt, neutral as a whole",
            value=smiles,
            remedy="it is no ion of a pair: leave the row out, or write its protonated or "
            "deprotonated form",
        )
    raise InputError(
        f"{rule}, and this is neutral",
        value=smiles,
        remedy="write the formal charge in the SMILES, such as [Cl-] for Cl; a neutral molecule "
        "is no ion",
    )


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
        A temperature outside 100 to 1000 K or a pressure outside 2 to 10^6 kPa, at which no ionic
        liquid was measured: another unit. The message says which.
    """

    pair: IonPair
    temperature_K: float = ROOM_K
    pressure_kPa: float = AMBIENT_KPA

    def __post_init__(self) -> None:
        low, high = _TEMPERATURES_K
        if not low <= self.temperature_K <= high:  # NaN is outside too
            raise InputError(
                f"a temperature must lie between {low:g} and {high:g} K",
                value=self.temperature_K,
                remedy=_another_temperature(self.temperature_K),
            )
        low, high = _PRESSURES_KPA
        if not low <= self.pressure_kPa <= high or self.pressure_kPa == _ATMOSPHERE_PA:
            raise InputError(
                f"a pressure must lie between {low:g} and {high:g} kPa",
                value=self.pressure_kPa,
                remedy=_another_pressure(self.pressure_kPa),
            )

    @property
    def cation(self) -> str:
        """SMILES of the cation."""
        return self.pair.cation

    @property
    def anion(self) -> str:
        """SMILES of the anion."""
        return self.pair.anion

    @property
    def keys(self) -> tuple[str, str]:
        """InChIKeys of cation and anion."""
        return self.pair.keys


def state_point(item: IonPair | StatePoint) -> StatePoint:
    """The item itself, or a pair at 298.15 K and 101.325 kPa; `InputError` for anything else."""
    if isinstance(item, StatePoint):
        return item
    if not isinstance(item, IonPair):
        raise InputError(
            "an ion pair is needed",
            value=item,
            remedy="give IonPair(cation, anion), or a table with columns cation and anion",
        )
    return StatePoint(item)


def doubtful_pressure(pressures_kPa: Collection[float]) -> str:
    """Why all pressures together are hardly meant; empty where nothing is wrong.

    One bar is 10^5 Pa, and 10^5 kPa is a pressure at which liquids are measured: a row alone cannot
    tell which was meant.  But whoever measures at 100 MPa measures at other pressures too.

    Examples
    --------
    >>> doubtful_pressure([100000.0, 100000.0])
    'every pressure is 100000 kPa, which is 100 MPa: if Pa is meant, divide by 1000'
    >>> doubtful_pressure([100.0, 100000.0])
    ''
    """
    if not pressures_kPa or any(pressure != _BAR_PA for pressure in pressures_kPa):
        return ""
    return f"every pressure is {_BAR_PA:g} kPa, which is 100 MPa: if Pa is meant, divide by 1000"


def _another_temperature(value: float) -> str:
    """What unit a temperature outside the range seems to be in."""
    if -100 <= value < _TEMPERATURES_K[0]:
        return f"{value:g} looks like degrees Celsius: add 273.15"
    return "give it in kelvin"


def _another_pressure(value: float) -> str:
    """What unit a pressure outside the range seems to be in."""
    if 0 < value < 0.5:
        return f"{value:g} looks like MPa: multiply by 1000"
    if 0.5 <= value < _PRESSURES_KPA[0]:
        return f"{value:g} looks like atm or bar: multiply by 101.325 or 100"
    if value == _ATMOSPHERE_PA or value > _PRESSURES_KPA[1]:
        return f"{value:g} looks like Pa: divide by 1000"
    return "give it in kPa; the pressure of the air is 101.325"
