"""What a model is given of an item: crystal graphs, vectors of statistics, embeddings."""

from leyden.representations.bond_statistics import BondStatistics
from leyden.representations.cell_shape import CellShape
from leyden.representations.composition import AtomicFractions, CompositionStatistics
from leyden.representations.crystal_graph import CrystalGraph, CrystalGraphs, GraphBatch
from leyden.representations.depiction import Depiction
from leyden.representations.elements import element_property, element_vectors, elements_with
from leyden.representations.fingerprints import Fingerprint, collisions
from leyden.representations.local_environment import Environments, LocalEnvironment
from leyden.representations.molecular_graph import MolecularGraph, MolecularGraphs
from leyden.representations.molecule_descriptors import MoleculeDescriptors
from leyden.representations.neighbours import Neighbours, nearest_neighbours
from leyden.representations.potential import PotentialEmbedding, PotentialEnergy
from leyden.representations.represent import (
    Concatenated,
    Representation,
    reads_disorder,
    represent,
    represent_rows,
)
from leyden.representations.selected_columns import SelectedColumns, varying_columns
from leyden.representations.structural_descriptors import StructuralDescriptors

__all__ = [
    "AtomicFractions",
    "BondStatistics",
    "CellShape",
    "CompositionStatistics",
    "Concatenated",
    "CrystalGraph",
    "CrystalGraphs",
    "Depiction",
    "Environments",
    "Fingerprint",
    "GraphBatch",
    "LocalEnvironment",
    "MolecularGraph",
    "MolecularGraphs",
    "MoleculeDescriptors",
    "Neighbours",
    "PotentialEmbedding",
    "PotentialEnergy",
    "Representation",
    "SelectedColumns",
    "StructuralDescriptors",
    "collisions",
    "element_property",
    "element_vectors",
    "elements_with",
    "nearest_neighbours",
    "reads_disorder",
    "represent",
    "represent_rows",
    "varying_columns",
]
