"""The electrode: a host, the ion it takes up, and what it becomes; checked when it is born."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import InputError
from leyden.physics.electrodes import CHARGES

__all__ = ["Electrode", "known_ion"]


@dataclass(frozen=True, eq=False)
class Electrode:
    """An insertion electrode.

    Attributes
    ----------
    host : Crystal
        The charged state, poor in the ion or without it.
    ion : str
        Element of the working ion, such as ``"Zn"``.
    discharged : Crystal, optional
        The state that is rich in the ion, with the same framework.

    Raises
    ------
    InputError
        An unknown ion; a host of the ion's metal alone; a discharged state that holds no more of
        the ion than the host, or that differs in another element too.

    Examples
    --------
    >>> cell = (4, 4, 4, 90, 90, 90)
    >>> host = Crystal.from_parameters(cell, ["Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> electrode = Electrode(host, "Zn")
    >>> electrode.formula, electrode.charge_number, electrode.ion_amount
    ('MnO', 2, 0.0)
    """

    host: Crystal
    ion: str
    discharged: Crystal | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.host, Crystal):
            raise InputError("the host of an electrode is a crystal", value=self.host)
        if self.ion not in CHARGES:
            raise InputError(
                f"a working ion is one of {', '.join(CHARGES)}",
                value=self.ion,
                remedy="write its element symbol",
            )
        if (self.host.numbers == ATOMIC_NUMBERS[self.ion]).all():
            raise InputError(
                f"an electrode must have a host for its ion; this crystal is {self.ion} alone",
                value=self.host.formula,
                remedy="give the charged structure, not the metal",
            )
        if self.discharged is not None:
            _check_pair(self.host, self.discharged, self.ion)

    @property
    def formula(self) -> str:
        """Reduced formula of the host."""
        return self.host.formula

    @property
    def charge_number(self) -> int:
        """Charge number z of the ion."""
        return CHARGES[self.ion]

    @property
    def ion_amount(self) -> float:
        """Ions that the host holds already, an atom of its framework (the other elements)."""
        ions = int((self.host.numbers == ATOMIC_NUMBERS[self.ion]).sum())
        return ions / (len(self.host) - ions)


def known_ion(ion: str, ions: Collection[str]) -> str:
    """`ion`, if a model was taught it.

    Parameters
    ----------
    ion : str
        Element symbol.
    ions : collection of str
        The ions of the training rows.

    Raises
    ------
    InputError
        Another ion; the message names those that are known.
    """
    if ion not in ions:
        raise InputError(
            "a model answers for the working ions that it was taught",
            value=ion,
            remedy=f"choose from {', '.join(ions)}",
        )
    return ion


def _check_pair(host: Crystal, discharged: Crystal, ion: str) -> None:
    """Raise `InputError` unless the two differ in the ion alone, and `discharged` has more."""
    wrong = _what_is_wrong(_counts(host), _counts(discharged), ion)
    if wrong is not None:
        rule, remedy = wrong
        raise InputError(rule, value=f"{host.formula} -> {discharged.formula}", remedy=remedy)


def _what_is_wrong(poor: np.ndarray, rich: np.ndarray, ion: str) -> tuple[str, str] | None:
    """The rule that two states (atoms of each element) break, and the remedy."""
    z = ATOMIC_NUMBERS[ion]
    ions = int(poor[z]), int(rich[z])
    poor[z] = rich[z] = 0
    atoms = int(poor.sum()), int(rich.sum())
    # cross-multiplied, here and below, so that equal ratios are equal whatever the cells
    if atoms[1] == 0 or (poor * atoms[1] != rich * atoms[0]).any():
        if others := _other_ions(poor, rich, ion):
            return (
                f"a mixed-ion electrode has no working ion: {', '.join(others)} differs beside "
                f"{ion}",
                f"choose two states that differ in {ion} alone",
            )
        return (
            f"the two states must have the same framework, and differ in {ion} alone",
            "give the charged and the discharged structure of one electrode",
        )
    amounts = ions[0] * atoms[1], ions[1] * atoms[0]
    more = f"the discharged structure must hold more {ion} than the charged one, the host"
    if amounts[0] > amounts[1]:
        return f"{more}; here it holds less", "exchange them"
    if amounts[0] == amounts[1]:
        return f"{more}; here it holds as much", "give the ion-poor and the ion-rich structure"
    return None


def _counts(crystal: Crystal) -> np.ndarray:
    """Atoms of each element, by atomic number, shape (119,)."""
    return np.bincount(crystal.numbers, minlength=119)


def _other_ions(poor: np.ndarray, rich: np.ndarray, ion: str) -> list[str]:
    """Other working ions whose amount differs, where the frameworks agree without them."""
    mobile = [symbol for symbol in CHARGES if symbol != ion]
    places = [ATOMIC_NUMBERS[symbol] for symbol in mobile]
    rest = np.delete(poor, places), np.delete(rich, places)
    atoms = int(rest[0].sum()), int(rest[1].sum())
    if min(atoms) == 0 or (rest[0] * atoms[1] != rest[1] * atoms[0]).any():
        return []
    return [
        symbol
        for symbol, place in zip(mobile, places, strict=True)
        if poor[place] * atoms[1] != rich[place] * atoms[0]
    ]
