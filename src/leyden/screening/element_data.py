"""What pymatgen knows of the elements: oxidation states, masses, prices, radioactivity."""

from __future__ import annotations

import functools
import warnings
from types import MappingProxyType
from typing import NamedTuple

from leyden.data.formulas import ELEMENTS

__all__ = ["ElementData", "element_data"]


class ElementData(NamedTuple):
    """Tables by element symbol, up to plutonium.

    Attributes
    ----------
    oxidation_states : mapping of str to mapping of str to tuple of int
        Tables ``"common"``, ``"icsd"`` (met in the ICSD) and ``"all"`` of oxidation states, in
        rising order; empty for noble gases without compounds.
    molar_mass_g_per_mol : mapping of str to float
    cost_usd_per_kg : mapping of str to float
        Price of the pure element (pymatgen's CostDB, collected in 2013); not all have one.
    row : mapping of str to int
        Row of the periodic table.
    radioactive : frozenset of str
        Elements without a stable or nearly stable isotope, as pymatgen has it.
    """

    oxidation_states: MappingProxyType[str, MappingProxyType[str, tuple[int, ...]]]
    molar_mass_g_per_mol: MappingProxyType[str, float]
    cost_usd_per_kg: MappingProxyType[str, float]
    row: MappingProxyType[str, int]
    radioactive: frozenset[str]


@functools.cache
def element_data() -> ElementData:
    """The tables, read once; pymatgen is imported on the first call."""
    from pymatgen.core import Element

    elements = {symbol: Element(symbol) for symbol in ELEMENTS[1:95]}
    tables = {"common": "common_", "icsd": "icsd_", "all": ""}
    states = {
        table: MappingProxyType(
            {s: tuple(sorted(getattr(e, f"{which}oxidation_states"))) for s, e in elements.items()}
        )
        for table, which in tables.items()
    }
    return ElementData(
        MappingProxyType(states),
        MappingProxyType({s: float(e.atomic_mass) for s, e in elements.items()}),
        MappingProxyType(_prices()),
        MappingProxyType({s: int(e.row) for s, e in elements.items()}),
        frozenset(s for s, e in elements.items() if e.is_radioactive),
    )


def _prices() -> dict[str, float]:
    from pymatgen.analysis.cost import CostAnalyzer, CostDBElements
    from pymatgen.core import Element

    prices = {}
    with warnings.catch_warnings():  # noble gases have no electronegativity, and need none here
        warnings.simplefilter("ignore", UserWarning)
        database = CostDBElements()
        analyzer = CostAnalyzer(database)
        for symbol in ELEMENTS[1:95]:
            if database.get_entries([Element(symbol)]):
                # The database goes to a price a mole and back; 12 digits undo the rounding.
                prices[symbol] = float(f"{analyzer.get_cost_per_kg(symbol):.12g}")
    return prices
