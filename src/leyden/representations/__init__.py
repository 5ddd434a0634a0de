"""What a model is given of an item: crystal graphs, vectors of statistics, embeddings."""

from leyden.representations.composition import CompositionStatistics
from leyden.representations.crystal_graph import CrystalGraph, CrystalGraphs, GraphBatch
from leyden.representations.elements import element_property, element_vectors
from leyden.representations.represent import (
    Concatenated,
    Representation,
    represent,
    represent_rows,
)

__all__ = [
    "CompositionStatistics",
    "Concatenated",
    "CrystalGraph",
    "CrystalGraphs",
    "GraphBatch",
    "Representation",
    "element_property",
    "element_vectors",
    "represent",
    "represent_rows",
]
