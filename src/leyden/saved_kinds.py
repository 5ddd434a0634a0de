"""Which classes can be saved: the name in the file, and where the class is found."""

from __future__ import annotations

__all__ = ["KINDS"]

KINDS: dict[str, str] = {
    "atom2vec": "leyden.models.atom2vec:Atom2Vec",
    "atomic_fractions": "leyden.representations.composition:AtomicFractions",
    "average": "leyden.models.average:Average",
    "bond_statistics": "leyden.representations.bond_statistics:BondStatistics",
    "cell_contents": "leyden.representations.phase_cell:CellContents",
    "cell_shape": "leyden.representations.cell_shape:CellShape",
    "censored": "leyden.models.censored:Censored",
    "coded": "leyden.models.censored:Coded",
    "composition_statistics": "leyden.representations.composition:CompositionStatistics",
    "concatenated": "leyden.representations.represent:Concatenated",
    "conformal_intervals": "leyden.conformal:ConformalIntervals",
    "crystal_graph": "leyden.representations.crystal_graph:CrystalGraph",
    "crystal_graph_network": "leyden.models.crystal_graph_network:CrystalGraphNetwork",
    "electrode_graph": "leyden.representations.electrode:ElectrodeGraph",
    "elemental_classifier": "leyden.models.conductors:ElementalClassifier",
    "ensemble": "leyden.models.ensembles:Ensemble",
    "fingerprint": "leyden.representations.fingerprints:Fingerprint",
    "host": "leyden.representations.electrode:Host",
    "host_graph": "leyden.representations.electrode:HostGraph",
    "in_domain": "leyden.in_domain:InDomain",
    "intervals_by_category": "leyden.conformal:IntervalsByCategory",
    "ion_domain": "leyden.ion_domain:IonDomain",
    "ion_pair_vectors": "leyden.representations.ion_pair:IonPairVectors",
    "ion_pairs": "leyden.representations.ion_pair:IonPairs",
    "ion_statistics": "leyden.representations.electrode:IonStatistics",
    "molecule_descriptors": "leyden.representations.molecule_descriptors:MoleculeDescriptors",
    "multilayer_perceptron": "leyden.models.mlp:MultilayerPerceptron",
    "network_embedding": "leyden.models.vectors:NetworkEmbedding",
    "phase_cell": "leyden.representations.phase_cell:PhaseCell",
    "potential_embedding": "leyden.representations.potential:PotentialEmbedding",
    "potential_energy": "leyden.representations.potential:PotentialEnergy",
    "potential_voltage": "leyden.representations.electrode:PotentialVoltage",
    "predictor": "leyden.predictor:Predictor",
    "selected_columns": "leyden.representations.selected_columns:SelectedColumns",
    "side_by_side": "leyden.models.average:SideBySide",
    "structural_descriptors": "leyden.representations.structural_descriptors:StructuralDescriptors",
    "vector_classifier": "leyden.models.classifiers:VectorClassifier",
    "vector_regressor": "leyden.models.vectors:VectorRegressor",
}
"""Kind to the place of its class, which is imported when a file asks for it."""
