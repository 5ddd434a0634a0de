"""What users of the field hold, and how it becomes an item: parsing and checks at the edge."""

from __future__ import annotations

from leyden.data.crystal import Crystal
from leyden.data.formulas import ELEMENTS, parse_composition, parse_formula

__all__ = ["ELEMENTS", "Crystal", "parse_composition", "parse_formula"]
