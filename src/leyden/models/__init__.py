"""Models: scikit-learn style estimators on represented items.

Each name is brought in when it is first used, so that classical models do not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from leyden.errors import ArtefactError

if TYPE_CHECKING:
    from leyden.models.atom2vec import Atom2Vec
    from leyden.models.average import Average, SideBySide
    from leyden.models.censored import Censored, Coded
    from leyden.models.classifiers import VectorClassifier, structural_models
    from leyden.models.conductors import ElementalClassifier
    from leyden.models.crystal_graph_network import CrystalGraphNetwork
    from leyden.models.ensembles import Ensemble
    from leyden.models.image_network import ImageNetwork
    from leyden.models.ion_recommender import IonRecommender
    from leyden.models.joint_process import JointProcess
    from leyden.models.mesophase import Mesophase
    from leyden.models.mlp import MultilayerPerceptron
    from leyden.models.molecular_graph_network import MolecularGraphNetwork
    from leyden.models.network import NetworkModel
    from leyden.models.vectors import NetworkEmbedding, VectorRegressor, baselines

_HOMES = {
    "Atom2Vec": "atom2vec",
    "Average": "average",
    "Censored": "censored",
    "Coded": "censored",
    "CrystalGraphNetwork": "crystal_graph_network",
    "ElementalClassifier": "conductors",
    "Ensemble": "ensembles",
    "ImageNetwork": "image_network",
    "IonRecommender": "ion_recommender",
    "JointProcess": "joint_process",
    "Mesophase": "mesophase",
    "MolecularGraphNetwork": "molecular_graph_network",
    "MultilayerPerceptron": "mlp",
    "NetworkEmbedding": "vectors",
    "NetworkModel": "network",
    "SideBySide": "average",
    "VectorClassifier": "classifiers",
    "VectorRegressor": "vectors",
    "baselines": "vectors",
    "structural_models": "classifiers",
}
_NETWORKS = {
    "atom2vec": "Atom2Vec",
    "crystal_graph_network": "CrystalGraphNetwork",
    "image_network": "ImageNetwork",
    "ion_recommender": "IonRecommender",
    "molecular_graph_network": "MolecularGraphNetwork",
    "multilayer_perceptron": "MultilayerPerceptron",
}

__all__ = [
    "Atom2Vec",
    "Average",
    "Censored",
    "Coded",
    "CrystalGraphNetwork",
    "ElementalClassifier",
    "Ensemble",
    "ImageNetwork",
    "IonRecommender",
    "JointProcess",
    "Mesophase",
    "MolecularGraphNetwork",
    "MultilayerPerceptron",
    "NetworkEmbedding",
    "NetworkModel",
    "SideBySide",
    "VectorClassifier",
    "VectorRegressor",
    "baselines",
    "network_class",
    "structural_models",
]


def network_class(kind: str) -> type[NetworkModel]:
    """The class of networks of this kind.

    Raises
    ------
    ArtefactError
        There is none.
    """
    if kind not in _NETWORKS:
        raise ArtefactError(f"the kind of network {kind!r} is not known. Remedy: update Leyden.")
    return __getattr__(_NETWORKS[kind])


def __getattr__(name: str) -> Any:
    """Bring in a model on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'leyden.models' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"leyden.models.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
