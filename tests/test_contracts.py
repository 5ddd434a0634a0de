"""Every representation, model and strategy keeps its contract (`leyden.testing`).

Add yours to the lists here; a test sees to it that whatever can be saved is on one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesRegressor

import leyden as ly
from leyden import artefact
from leyden.data.ions import IonPair, StatePoint
from leyden.data.phase import Phase
from leyden.distillation import Distill
from leyden.models import (
    Atom2Vec,
    Censored,
    Coded,
    CrystalGraphNetwork,
    ElementalClassifier,
    Ensemble,
    ImageNetwork,
    IonRecommender,
    MultilayerPerceptron,
)
from leyden.models.classifiers import VectorClassifier
from leyden.models.group_contribution import GroupContribution
from leyden.models.tanimoto import TanimotoProcess
from leyden.models.vectors import NetworkEmbedding, VectorRegressor, baselines
from leyden.representations import (
    AtomicFractions,
    CompositionStatistics,
    Concatenated,
    CrystalGraph,
    Fingerprint,
    MoleculeDescriptors,
    SelectedColumns,
)
from leyden.representations.bond_statistics import BondStatistics
from leyden.representations.cell_shape import CellShape
from leyden.representations.cosmo import CosmoVectors
from leyden.representations.depiction import Depiction
from leyden.representations.electrode import (
    ElectrodeGraph,
    Host,
    HostGraph,
    IonStatistics,
    PotentialVoltage,
)
from leyden.representations.group_counts import GroupCounts
from leyden.representations.ion_pair import IonPairs
from leyden.representations.known_pairs import KnownPairs
from leyden.representations.phase_cell import CellContents, PhaseCell
from leyden.representations.potential import PotentialEmbedding, PotentialEnergy
from leyden.representations.structural_descriptors import StructuralDescriptors
from leyden.selection import Best, Blend
from leyden.simulators.cosmo_table import known_cosmo_ions
from leyden.splits import GroupKFold
from leyden.testing import (
    check_model,
    check_representation,
    check_strategy,
    element_energy,
    same_input,
    tiny_crystals,
    tiny_electrodes,
    tiny_transfer,
)

SMALL = {"width": 8, "convolutions": 1, "hidden": 8, "epochs": 3, "batch_size": 16}
NETWORK = CrystalGraphNetwork(**SMALL, random_state=0)
SOURCE, TARGET = tiny_transfer(40, 24)
SOURCE_OF_MODULI = replace(
    tiny_crystals(300).take(slice(250, 300)).with_targets("log10_modulus_GPa"), _root=None
)
BASELINES = baselines()

REPRESENTATIONS = {
    "crystal graph": CrystalGraph(),
    "crystal graph, 6 neighbours": CrystalGraph(neighbours=6, cutoff=6.0),
    "composition": CompositionStatistics(),
    "fractions": AtomicFractions(),
    "cell": CellShape(),
    "bonds": BondStatistics(),
    "concatenated": Concatenated((CompositionStatistics(), CellShape())),
    "potential": PotentialEmbedding(),
    "potential's energy": PotentialEnergy(),
}

ELECTRODES = {
    "host": Host(CompositionStatistics()),
    "host graph": HostGraph(),
    "electrode graph": ElectrodeGraph(ions=("Li", "Mg", "Zn")),
    "ion": IonStatistics(),
    "potential's voltage": PotentialVoltage(),
}

MOLECULES = {
    "fingerprint": Fingerprint(("morgan", "maccs"), counts=True, size=64),
    "descriptors": MoleculeDescriptors(),
    "columns": SelectedColumns(Fingerprint(), (5, 0, 4000)),
    "groups": GroupCounts(),
}
TINY_MOLECULES = ["CCO", "CC[n+]1ccn(C)c1", "[Cl-]", "N#C[N-]C#N", "c1ccccc1"]

PHASES = {"cell": PhaseCell(), "contents": CellContents()}
TINY_PHASES = [
    Phase("LiCl", 225, (5.14, 5.14, 5.14, 90, 90, 90), "Li4Cl4"),
    Phase("Li3N", 191, (3.66, 3.66, 3.88, 90, 90, 120), "Li3N"),
    Phase("Li13Al3Ti17P30O120", 167, (8.5, 8.5, 20.8, 90, 90, 120), "Li7.8Al1.8Ti10.2P18O72"),
    Phase("Li2CO3", 15, (8.36, 4.97, 6.19, 90, 114.8, 90), "Li8C4O12"),
]

MODELS = {
    "network": NETWORK,
    "network, plain": CrystalGraphNetwork(**SMALL, convolution="plain", random_state=0),
    "network, additive": CrystalGraphNetwork(**SMALL, readout="additive", random_state=0),
    "perceptron": MultilayerPerceptron(widths=(16, 8), epochs=3, batch_size=16, least_steps=0),
    "ensemble": Ensemble(NETWORK, members=2, n_jobs=1, random_state=0),
    "atom2vec": Atom2Vec(networks=2, task="regression", epochs=3, least_steps=0),
    **{f"classical, {name}": model for name, model in BASELINES.items()},
}

STRATEGIES = {
    "from scratch": ly.FromScratch(NETWORK),
    "classical": ly.FromScratch(BASELINES["ridge"]),
    "fine-tune": ly.FineTune(NETWORK, SOURCE),
    "pooled": ly.Pooled(NETWORK, SOURCE_OF_MODULI),
    "pooled, classical": ly.Pooled(BASELINES["ridge"], SOURCE_OF_MODULI),
    "fine-tune, perceptron": ly.FineTune(MODELS["perceptron"], SOURCE),
    "fine-tune, head": ly.FineTune(NETWORK, SOURCE, train="head"),
    "frozen": ly.FrozenEmbedding(NETWORK, SOURCE),
    "distilled": Distill(BASELINES["SVR"], BASELINES["ridge"], SOURCE, hard=False),
    "frozen, alongside": ly.FrozenEmbedding(
        NETWORK, SOURCE, ExtraTreesRegressor(20, random_state=0), [CompositionStatistics()]
    ),
    "residual": ly.Residual(ly.FromScratch(BASELINES["ridge"]), lambda data: np.ones(len(data))),
    "best": Best(
        {
            "scratch": ly.FromScratch(BASELINES["ridge"]),
            "frozen": ly.FrozenEmbedding(NETWORK, SOURCE),
        },
        folds=2,
    ),
    "blend": Blend(
        {"a": ly.FromScratch(BASELINES["ridge"]), "b": ly.FromScratch(BASELINES["SVR"])},
        weights="stacked",
        folds=2,
    ),
}

# What can be saved and is no representation, model or strategy of its own.
PARTS = {"average", "side_by_side", "conformal_intervals", "in_domain", "predictor"}
PARTS |= {Censored.kind, Coded.kind}  # regressors of a `VectorRegressor`: tests/test_censored.py
PARTS |= {TanimotoProcess.kind}  # too: tests/test_tanimoto.py
PARTS |= {NetworkEmbedding.kind}  # has a test of its own, since it must be taught first
PARTS |= {StructuralDescriptors.kind, VectorClassifier.kind}  # too: they need Li, and classes
PARTS |= {ElementalClassifier.kind}  # too: it needs classes
PARTS |= {IonPairs.kind, KnownPairs.kind, IonRecommender.kind}  # tests/test_ion_recommender.py
PARTS |= {Depiction.kind, ImageNetwork.kind}  # of molecules: tests/test_image_network.py
PARTS |= {"molecular_graph", "molecular_graph_network"}  # tests/test_molecular_graph_network.py
PARTS |= {"joint_process", "observations"}  # of molecules: tests/test_joint_process.py
PARTS |= {"mesophase", "mesophase_calibration"}  # too: tests/test_mesophase.py
PARTS |= {"ion_pairs", "ion_pair_vectors"}  # too: they need ion pairs
PARTS |= {
    "pair_process",
    "pair_set",
    "pair_statistics",
    "ion_similarity",
}  # tests/test_pair_process.py
PARTS |= {"intervals_by_category", "ion_domain"}  # parts of a predictor of ion pairs
PARTS |= {"graph_dynamics", "coordinate_dynamics", "dynamics_model"}  # test_graph_dynamics.py
PARTS |= {"local_environment", "target_coordinates", "region"}  # test_trajectory_transfer.py
PARTS |= {GroupContribution.kind, CosmoVectors.kind}  # have tests of their own here: they need ions


def named(cases: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


@named(REPRESENTATIONS)
def test_representation(case: Any) -> None:
    check_representation(case, TARGET.items[:6])


@named(ELECTRODES)
def test_representation_of_electrodes(case: Any) -> None:
    check_representation(case, tiny_electrodes(6).items)


@named(MOLECULES)
def test_representation_of_molecules(case: Any, tmp_path: Path) -> None:
    check_representation(case, TINY_MOLECULES)
    artefact.write(case, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    assert loaded == case
    assert same_input(loaded.transform(TINY_MOLECULES), case.transform(TINY_MOLECULES))
    assert case.transform(TINY_MOLECULES).shape == (5, len(case.names()))


def test_representation_of_ions_by_their_cavities(
    data_home: Callable[[str], Path], tmp_path: Path
) -> None:
    data_home("il-ions")
    ions = known_cosmo_ions()["smiles"].tolist()[::200]
    case = CosmoVectors(calculate=False)
    check_representation(case, ions)
    artefact.write(case, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    assert loaded == case
    assert same_input(loaded.transform(ions), case.transform(ions))
    assert case.transform(ions).shape == (len(ions), len(case.names()))


@named({**PHASES, "composition": CompositionStatistics()})
def test_representation_of_phases(case: Any, tmp_path: Path) -> None:
    check_representation(case, TINY_PHASES)
    artefact.write(case, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    assert same_input(loaded.transform(TINY_PHASES), case.transform(TINY_PHASES))
    assert case.transform(TINY_PHASES).shape == (4, len(case.names()))


@named(REPRESENTATIONS | ELECTRODES)
def test_representation_is_saved_whole(case: Any, tmp_path: Path) -> None:
    artefact.write(case, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    items = tiny_electrodes(4).items if case in ELECTRODES.values() else TARGET.items[:4]
    assert same_input(loaded.transform(items), case.transform(items))


def test_embedding_of_a_network_is_a_representation(tmp_path: Path) -> None:
    taught = clone(NETWORK).fit(NETWORK.representation.transform(SOURCE.items), SOURCE.y)
    test_representation(NetworkEmbedding(taught))
    test_representation_is_saved_whole(NetworkEmbedding(taught), tmp_path)


@named(MODELS)
def test_model(case: Any) -> None:
    check_model(case, case.representation.transform(TARGET.items), TARGET.y)


@pytest.mark.parametrize("name", ["network", "perceptron", "ensemble", "classical, ridge"])
def test_model_with_several_targets(name: str) -> None:
    model, rows = MODELS[name], tiny_crystals(20)
    both = rows.with_targets(["energy_eV_per_atom", "log10_modulus_GPa"])
    check_model(model, model.representation.transform(both.items), both.y)


@named(MODELS)
def test_predictor_is_saved_whole(case: Any, tmp_path: Path) -> None:
    predictor = ly.Predictor.of(ly.FromScratch(case).fit(TARGET))
    predictor.save(tmp_path / "saved")
    expected = predictor.predict(TARGET.items[:5])
    found = ly.Predictor.load(tmp_path / "saved").predict(TARGET.items[:5])
    np.testing.assert_array_equal(found[list(predictor.targets)], expected[list(predictor.targets)])
    assert list(found.columns) == list(expected.columns)


def test_group_contributions_are_a_model_and_become_a_predictor(tmp_path: Path) -> None:
    items = [
        StatePoint(IonPair(f"{'C' * n}[n+]1ccn(C)c1", anion), temperature)
        for n in range(1, 7)
        for anion in ("N#C[N-]C#N", "F[B-](F)(F)F")
        for temperature in (300.0, 350.0)
    ]
    frame = pd.DataFrame(
        {
            "cation": [item.cation for item in items],
            "anion": [item.anion for item in items],
            "temperature_K": [item.temperature_K for item in items],
            "density_kg_per_m3": [1400 - 9 * len(i.cation) - 0.6 * i.temperature_K for i in items],
        }
    )
    liquids = ly.Dataset.from_table(frame, target="density_kg_per_m3")
    model = GroupContribution("density_kg_per_m3")
    check_model(model, model.representation.transform(liquids.items), liquids.y)
    check_strategy(ly.FromScratch(model), liquids)
    predictor = ly.Predictor.of(ly.FromScratch(model).fit(liquids), GroupKFold("pair", 3))
    predictor.save(tmp_path / "saved")
    told, found = (
        one.predict(liquids) for one in (predictor, ly.Predictor.load(tmp_path / "saved"))
    )
    pd.testing.assert_frame_equal(found, told)
    ends = [told[f"density_kg_per_m3{end}"] for end in ("_lower", "", "_upper")]
    assert (ends[0] < ends[1]).all()
    assert (ends[1] < ends[2]).all()
    assert np.abs(ends[1] - liquids.y).max() < 0.02 * liquids.y.mean()


@named(STRATEGIES)
def test_strategy(case: Any) -> None:
    check_strategy(case, TARGET)


@named(STRATEGIES)
def test_strategy_becomes_a_predictor(case: Any, tmp_path: Path) -> None:
    if isinstance(case, ly.Residual):
        pytest.skip("an estimate is code, and code is not saved")
    fitted = ly.Predictor.of(case.fit(TARGET))
    fitted.save(tmp_path / "saved")
    found = ly.Predictor.load(tmp_path / "saved").predict(TARGET.items[:4])
    np.testing.assert_allclose(found["log10_modulus_GPa"], case.predict(TARGET.items[:4]))


def test_nothing_that_can_be_saved_lacks_a_contract() -> None:
    lists = (REPRESENTATIONS, ELECTRODES, PHASES, MOLECULES, MODELS)
    listed = {case.kind for cases in lists for case in cases.values()}
    assert artefact.KINDS.keys() - listed == PARTS


# The checks themselves must be able to fail: one fault each.


@dataclass(frozen=True)
class Batched:
    """Standardises by the batch: a row depends on its company."""

    kind: ClassVar[str] = "batched"

    def transform(self, items: Any) -> np.ndarray:
        rows = []
        for row, item in enumerate(items, start=1):
            if not isinstance(item, ly.Crystal):
                raise ly.InputError("a crystal is needed", row=row)
            rows.append([item.volume])
        return np.array(rows) - np.mean(rows)


@dataclass(frozen=True)
class Trusting:
    """Takes whatever comes."""

    kind: ClassVar[str] = "trusting"

    def transform(self, items: Any) -> np.ndarray:
        return np.array([[float(getattr(item, "volume", 0.0))] for item in items])


class Unseeded(BaseEstimator):
    """Draws its answer anew each time."""

    def __init__(self, representation: Any = None) -> None:
        self.representation = representation

    def fit(self, X: Any, y: np.ndarray) -> Unseeded:
        self.answer_ = np.random.default_rng().standard_normal()
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full(len(X), self.answer_)

    def embed(self, X: Any) -> np.ndarray:
        return np.zeros((len(X), 1))


class Careless(ly.FromScratch):
    """Forgets what the fold forbids."""

    def fit(self, dataset: ly.Dataset, *, held_out: Any = None) -> Any:
        return super().fit(dataset)


def test_checks_can_fail() -> None:
    items = TARGET.items[:4]
    with pytest.raises(AssertionError, match="alone what it gives it in company"):
        check_representation(Batched(), items)
    with pytest.raises(AssertionError, match="must raise InputError"):
        check_representation(Trusting(), items)
    with pytest.raises(AssertionError, match="equal seeds"):
        check_model(Unseeded(), np.zeros((5, 1)), np.arange(5.0))
    with pytest.raises(AssertionError, match="must refuse"):
        check_strategy(Careless(BASELINES["ridge"]), TARGET)


# The tiny materials are what they claim to be.


def test_tiny_materials_have_their_known_answers() -> None:
    data = tiny_crystals(720)
    assert len(set(data.ids)) == 720
    targets = data.targets
    np.testing.assert_allclose(
        targets["log10_modulus_GPa"], 0.5 - 0.6 * targets["energy_eV_per_atom"]
    )
    assert abs(np.corrcoef(targets["noise"], targets["energy_eV_per_atom"])[0, 1]) < 0.1
    assert tiny_crystals(9).fingerprint() == tiny_crystals(9).fingerprint()
    assert tiny_crystals(9).fingerprint() != tiny_crystals(9, random_state=1).fingerprint()


def test_tiny_prototypes_are_those_of_the_textbook() -> None:
    """Coordination of the first shell: 6 in rock salt, 8 in CsCl, 4 in zinc blende."""
    data = tiny_crystals(30)
    first = {"rock salt": 6, "caesium chloride": 8, "zinc blende": 4}
    graphs = CrystalGraph(quotient=False).transform(data.items)
    for row, prototype in enumerate(data.groups["prototype"]):
        atom = graphs.atom_offsets[row]
        distances = graphs.distances[graphs.edge_offsets[atom] : graphs.edge_offsets[atom + 1]]
        assert (distances < 1.001 * distances.min()).sum() == first[prototype]


def test_transfer_helps_where_it_is_known_to_help() -> None:
    """A source that knows every element's energy, a target of a few rows."""
    source, target = tiny_transfer(400, 60)
    train, test = target.take(slice(0, 30)), target.take(slice(30, None))
    perfect = VectorRegressor(Energies(), BASELINES["ridge"].regressor)
    scratch, transfer = (
        np.abs(ly.FromScratch(model).fit(train).predict(test) - test.y).mean()
        for model in (BASELINES["ridge"], perfect)
    )
    assert transfer < 0.2 * scratch
    assert not set(source.ids) & set(target.ids)


@dataclass(frozen=True)
class Energies:
    """What an ideal source network would know."""

    kind: ClassVar[str] = "energies"

    def transform(self, items: Any) -> np.ndarray:
        return np.array([[element_energy(item.numbers).mean()] for item in items])
