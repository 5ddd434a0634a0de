"""Electrodes as model input: their host, their working ion, or both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.electrode import Electrode, known_ion
from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import InputError
from leyden.physics.electrodes import average_voltage
from leyden.representations.composition import MAGPIE_PROPERTIES
from leyden.representations.crystal_graph import CrystalGraph, CrystalGraphs
from leyden.representations.elements import element_property
from leyden.representations.potential import PotentialEnergy
from leyden.representations.represent import represent

__all__ = ["ElectrodeGraph", "Host", "HostGraph", "IonStatistics", "PotentialVoltage"]

_SIDES: dict[str, WeakKeyDictionary[Dataset, Dataset]] = {
    "host": WeakKeyDictionary(),
    "discharged": WeakKeyDictionary(),
}


@dataclass(frozen=True)
class Host:
    """The host of an electrode, in another representation; a crystal alone is its own host.

    Attributes
    ----------
    part : Representation
        Takes crystals.
    ions : tuple of str
        The ions that a model was taught; others are refused. Empty: any.
    """

    kind: ClassVar[str] = "host"

    part: Any
    ions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ions", tuple(self.ions))

    def transform(self, items: Sequence[Electrode | Crystal]) -> Any:
        """What `part` makes of the hosts; `InputError` with `row` for an ion that is not known."""
        return self.part.transform(_hosts(items, self.ions))

    def of(self, dataset: Dataset) -> Any:
        """What `part` makes of the hosts of a data set, kept as it keeps it."""
        return represent(self.part, _side(dataset, "host"))

    def names(self) -> list[str]:
        """A name a column, as of `part`."""
        return self.part.names()

    @property
    def may_have_seen_test(self) -> bool:
        """As of `part`."""
        return bool(getattr(self.part, "may_have_seen_test", False))


@dataclass(frozen=True)
class HostGraph(CrystalGraph):
    """The graph of the host: what a network sees that knows one ion, and need not be told of it.

    Attributes
    ----------
    ions : tuple of str
        The ions that a model was taught; others are refused. Empty: any.
    """

    kind: ClassVar[str] = "host_graph"

    ions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "ions", tuple(self.ions))

    def transform(self, items: Iterable[Any]) -> CrystalGraphs:
        """Graphs of the hosts of electrodes; a crystal alone is its own host."""
        return self._plain().transform(_hosts(items, self.ions))

    def of(self, dataset: Dataset) -> CrystalGraphs:
        """Graphs of the hosts of a data set, kept on disk as those of any crystals."""
        return represent(self._plain(), _side(dataset, "host"))

    def _plain(self) -> CrystalGraph:
        return CrystalGraph(self.neighbours, self.cutoff, self.ties, self.quotient)


@dataclass(frozen=True)
class ElectrodeGraph(HostGraph):
    """The graph of the host, and the working ion as a condition of the whole crystal.

    Every atom is told of the ion before the first convolution, so that one network learns all ions
    together. A crystal alone has no ion: its conditions are zero.
    """

    kind: ClassVar[str] = "electrode_graph"
    conditions: ClassVar[int] = len(MAGPIE_PROPERTIES) + 2

    def transform(self, items: Iterable[Any]) -> CrystalGraphs:
        """Graphs with the ion's standardised properties, its charge, and its amount in the host."""
        items = list(items)
        return super().transform(items).with_conditions(_conditions(items))

    def of(self, dataset: Dataset) -> CrystalGraphs:
        """The same for a data set, from graphs that are kept on disk."""
        return super().of(dataset).with_conditions(_conditions(dataset.items))


@dataclass(frozen=True)
class IonStatistics:
    """The working ion: its 22 Magpie properties, its charge number, and how much the host holds.

    Attributes
    ----------
    ions : tuple of str
        The ions that a model was taught; others are refused. Empty: any.
    """

    kind: ClassVar[str] = "ion_statistics"

    ions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ions", tuple(self.ions))

    def names(self) -> list[str]:
        """A name a column."""
        return [*(f"ion {name}" for name in MAGPIE_PROPERTIES), "ion charge", "ion amount in host"]

    def transform(self, items: Sequence[Electrode]) -> np.ndarray:
        """Vectors, shape (n, 24); the amount is in ions an atom of the framework.

        Raises
        ------
        InputError
            An item is not an `Electrode`, or its ion is not known; `row` counts from 1.
        """
        for row, item in enumerate(items, start=1):
            if not isinstance(item, Electrode):
                raise InputError(
                    "the working ion of a crystal alone is not known",
                    value=item,
                    row=row,
                    remedy="make an Electrode of it, or name the ion",
                )
        _hosts(items, self.ions)
        rows = [[*_properties()[item.ion], item.charge_number, item.ion_amount] for item in items]
        return np.array(rows, dtype=float).reshape(len(rows), len(self.names()))


@dataclass(frozen=True)
class PotentialVoltage:
    """Average voltage by the energies of a pretrained potential, in V; nothing is relaxed.

    The physical estimate that `leyden.transfer.Residual` starts from where both states are known.

    Attributes
    ----------
    name : {"chgnet"}
        The potential, as of `PotentialEnergy`.
    """

    kind: ClassVar[str] = "potential_voltage"
    may_have_seen_test: ClassVar[bool] = True

    name: str = "chgnet"

    def names(self) -> list[str]:
        """A name a column."""
        return [f"{self.name} voltage V"]

    def transform(self, items: Sequence[Electrode]) -> np.ndarray:
        """Voltages, shape (n, 1).

        Raises
        ------
        InputError
            An item is not an `Electrode` with a discharged state; `row` counts from 1.
        """
        _with_discharged(items)
        charged = self._potential().transform([item.host for item in items])
        discharged = self._potential().transform([item.discharged for item in items])  # type: ignore[misc]
        return self._voltages(items, charged[:, 0], discharged[:, 0])

    def of(self, dataset: Dataset) -> np.ndarray:
        """Voltages of a data set, of energies that are kept on disk."""
        _with_discharged(dataset.items)
        sides = [represent(self._potential(), _side(dataset, side)) for side in _SIDES]
        return self._voltages(dataset.items, sides[0][:, 0], sides[1][:, 0])

    def _voltages(
        self, items: Sequence[Electrode], charged: np.ndarray, discharged: np.ndarray
    ) -> np.ndarray:
        metals = self._metals(tuple(sorted({item.ion for item in items})))
        return np.array(
            [
                [_voltage(item, poor, rich, metals[item.ion])]
                for item, poor, rich in zip(items, charged, discharged, strict=True)
            ]
        ).reshape(len(items), 1)

    def _potential(self) -> PotentialEnergy:
        return PotentialEnergy(self.name)

    def _metals(self, ions: tuple[str, ...]) -> dict[str, float]:
        """Energy of each ion's metal in its ground state, eV/atom."""
        from ase.build import bulk

        crystals = [Crystal.from_atoms(bulk(ion)) for ion in ions]
        return dict(zip(ions, self._potential().transform(crystals)[:, 0].tolist(), strict=True))


def _voltage(item: Electrode, charged: float, discharged: float, metal: float) -> float:
    """Voltage of one electrode from energies in eV/atom."""
    number = ATOMIC_NUMBERS[item.ion]
    rich: Any = item.discharged
    ions = [int((state.numbers == number).sum()) for state in (item.host, rich)]
    framework = [len(state) - count for state, count in zip((item.host, rich), ions, strict=True)]
    return float(
        average_voltage(
            charged * len(item.host) / framework[0],
            discharged * len(rich) / framework[1],
            ions[1] / framework[1] - ions[0] / framework[0],
            item.charge_number,
            metal,
        )
    )


def _hosts(items: Iterable[Electrode | Crystal], ions: tuple[str, ...]) -> list[Crystal]:
    """The hosts of the items, if their ions are among `ions`."""
    hosts = []
    for row, item in enumerate(items, start=1):
        if isinstance(item, Electrode) and ions:
            try:
                known_ion(item.ion, ions)
            except InputError as error:
                raise error.at(row=row) from error
        hosts.append(item.host if isinstance(item, Electrode) else item)
    return hosts


def _side(dataset: Dataset, side: str) -> Dataset:
    """A data set of the charged or discharged states of the same rows; made once."""
    made = _SIDES[side]
    if dataset not in made:
        items = [getattr(i, side) if isinstance(i, Electrode) else i for i in dataset.items]
        made[dataset] = replace(dataset, items=tuple(items), _root=None)
    return made[dataset]


def _with_discharged(items: Sequence[Any]) -> None:
    for row, item in enumerate(items, start=1):
        if not isinstance(item, Electrode) or item.discharged is None:
            raise InputError(
                "a voltage from energies needs the discharged structure too",
                value=item,
                row=row,
                remedy="give it, or use a model that needs the host alone",
            )


def _conditions(items: Sequence[Electrode | Crystal]) -> np.ndarray:
    rows = np.zeros((len(items), ElectrodeGraph.conditions), dtype=np.float32)
    for row, item in zip(rows, items, strict=True):
        if isinstance(item, Electrode):
            row[:-2] = _standardised()[item.ion]
            row[-2:] = item.charge_number - 1.5, item.ion_amount
    return rows


@cache
def _properties() -> dict[str, np.ndarray]:
    """The Magpie properties of each element, what is not known imputed."""
    table = np.stack([element_property(n, imputed=True) for n in MAGPIE_PROPERTIES], axis=1)
    return {symbol: table[z] for symbol, z in ATOMIC_NUMBERS.items() if z < len(table)}


@cache
def _standardised() -> dict[str, np.ndarray]:
    """The same, with mean 0 and deviation 1 over all elements, and within three deviations."""
    table = np.stack([values for values in _properties().values() if np.isfinite(values).all()])
    mean, scale = table.mean(axis=0), table.std(axis=0)
    return {
        symbol: np.clip((values - mean) / scale, -3, 3) for symbol, values in _properties().items()
    }
