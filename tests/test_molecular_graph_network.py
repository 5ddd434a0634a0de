"""Molecular graphs against RDKit, and the network: homologues, pairs, missing targets, transfer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem
from sklearn.base import clone

import leyden as ly
from leyden import artefact
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair
from leyden.errors import InputError
from leyden.models import MolecularGraphNetwork
from leyden.representations import MolecularGraph
from leyden.representations.molecular_graph import ATOM_FEATURES, BOND_KINDS
from leyden.testing import check_model, check_representation, check_strategy

TINY = MolecularGraphNetwork(width=8, convolutions=1, hidden=8, epochs=3, batch_size=16)
MOLECULES = ["CCO", "CC[n+]1ccn(C)c1", "[Cl-]", "N#C[N-]C#N", "c1ccccc1", "C[C@H](N)C(=O)O"]
PAIRS = [
    IonPair(f"{'C' * n}[n+]1ccn(C)c1", anion)
    for n in range(1, 9)
    for anion in ("[Cl-]", "[Br-]", "F[B-](F)(F)F")
]
ALKANES = ["C" * n for n in range(2, 21)]


def table(items: list, name: str = "tiny", column: str = "boiling_point_K") -> Dataset:
    """A property that is linear in the number of carbons, with a step for chlorine."""
    texts = [item if isinstance(item, str) else item.smiles for item in items]
    y = [300.0 + 10 * text.count("C") + 40 * ("Cl" in text) for text in texts]
    return Dataset(name, np.array(texts), tuple(items), pd.DataFrame({column: y}))


def has(graphs: object, feature: str) -> list[int]:
    return graphs.features[:, ATOM_FEATURES.index(feature)].tolist()


def test_graph_of_a_known_molecule() -> None:
    graph = MolecularGraph(reach=2).transform(["CC=O"])
    assert graph.numbers.tolist() == [6, 6, 8]
    assert graph.edge_offsets.tolist() == [0, 2, 4, 6]
    assert graph.neighbours.tolist() == [1, 2, 0, 2, 0, 1]
    single, double = BOND_KINDS.index("single"), BOND_KINDS.index("double")
    two = len(BOND_KINDS)
    assert graph.kinds.tolist() == [single, two, single, double, two, double]
    assert has(graph, "3 hydrogens") == [1, 0, 0]
    assert has(graph, "SP2") == [0, 1, 1]
    assert not any(has(graph, "of a cation") + has(graph, "in a ring"))


def test_a_pair_is_one_graph_of_ions_that_are_not_connected() -> None:
    pair = IonPair("[Ca+2]", "CC(=O)[O-]")
    for item in (pair, pair.smiles):
        graph = MolecularGraph().transform([item])
        assert len(graph) == 1
        assert sorted(graph.numbers.tolist()) == [6] * 4 + [8] * 4 + [20]
        calcium = graph.numbers == 20
        np.testing.assert_array_equal(has(graph, "of a cation"), calcium)
        np.testing.assert_array_equal(has(graph, "of an anion"), ~calcium)
        assert np.diff(graph.edge_offsets)[calcium] == 0
        ends = graph.far_ends()
        centres = np.repeat(np.arange(9), np.diff(graph.edge_offsets))
        assert len(ends) == 2 * 4 * 3  # each anion complete within three bonds
        assert not calcium[ends].any()
        assert (np.abs(ends - centres) <= 3).all()


def test_edges_are_those_of_the_distance_matrix() -> None:
    smiles = "CCCCCOc1ccc(-c2ccc(C#N)cc2)cc1"
    bonds = Chem.GetDistanceMatrix(Chem.MolFromSmiles(smiles))
    for reach in (1, 3, 12):
        graph = MolecularGraph(reach).transform([smiles])
        apart = np.where(graph.kinds < len(BOND_KINDS), 1, graph.kinds - len(BOND_KINDS) + 2.0)
        expected = bonds[(bonds > 0) & (bonds <= reach)]
        np.testing.assert_array_equal(np.sort(apart), np.sort(expected))
        assert int(graph.kinds.max()) < MolecularGraph(reach).edge_kinds


def test_representation_keeps_its_contract(tmp_path: Path) -> None:
    check_representation(MolecularGraph(), MOLECULES)
    check_representation(MolecularGraph(reach=1), PAIRS[:4])
    artefact.write(MolecularGraph(reach=7), tmp_path / "saved")
    assert artefact.read(tmp_path / "saved") == MolecularGraph(reach=7)
    one, other = "CC[n+]1ccn(C)c1", "CCn1cc[n+](C)c1"
    graphs = MolecularGraph().transform([one, other])
    assert np.array_equal(graphs[:1].features, graphs[1:].features)
    with pytest.raises(InputError, match="1 to 12"):
        MolecularGraph(reach=0)
    with pytest.raises(InputError) as caught:
        MolecularGraph().transform(["CCO", "C1CC"])
    assert caught.value.row == 2


def test_network_keeps_its_contract() -> None:
    rows = table(PAIRS)
    X = MolecularGraph().transform(PAIRS)
    check_model(TINY, X, rows.y)
    check_model(clone(TINY).set_params(convolution="plain", readout="sum"), X, rows.y)
    check_strategy(ly.FromScratch(TINY), rows)


@pytest.mark.parametrize("convolution", ["gated", "plain"])
@pytest.mark.parametrize(("reach", "readout"), [(1, "both"), (1, "sum"), (4, "mean"), (4, "both")])
def test_homologues_are_kept_apart(reach: int, readout: str, convolution: str) -> None:
    """Each alkane from every other, by much more than rounding."""
    model = MolecularGraphNetwork(
        MolecularGraph(reach), readout=readout, convolution=convolution, epochs=1, random_state=1
    )
    X = model.representation.transform(ALKANES)
    vectors = model.fit(X, np.linspace(-1, 1, len(ALKANES))).embed(X)
    scale = np.abs(vectors - vectors.mean(axis=0)).max()
    apart = np.abs(vectors[:, None] - vectors).max(axis=2) + 10 * np.eye(len(ALKANES))
    assert apart.min() > 1e-3 * scale


def test_a_ring_and_a_mean_are_blind_to_size_and_a_sum_is_not() -> None:
    """All atoms of cycloalkanes of eight and nine carbons are alike within two bonds."""
    rings = ["C1CCCCCCC1", "C1CCCCCCCC1"]
    near = {}
    for readout in ("mean", "sum"):
        model = MolecularGraphNetwork(MolecularGraph(1), readout=readout, epochs=1)
        X = model.representation.transform(rings + ALKANES)
        vectors = model.fit(X, np.arange(len(X), dtype=float)).embed(X[:2])
        near[readout] = np.abs(vectors[0] - vectors[1]).max()
    assert near["mean"] < 1e-5 < 1e-2 < near["sum"]


def test_chains_are_extrapolated() -> None:
    data = table(ALKANES)
    X = MolecularGraph().transform(ALKANES)
    train = np.arange(len(ALKANES)) % 3 != 1
    model = MolecularGraphNetwork(width=16, hidden=16, epochs=150, dropout=0.0, batch_size=8)
    error = np.abs(model.fit(X[train], data.y[train]).predict(X[~train]) - data.y[~train])
    assert error.mean() < 10  # degrees; the mean of all would miss by 48


def test_a_missing_target_teaches_nothing_of_its_own() -> None:
    X = MolecularGraph().transform(ALKANES)
    y = np.stack([np.arange(19.0), np.arange(19.0)[::-1]], axis=1)
    y[::2, 1] = np.nan
    told = clone(TINY).fit(X, y).predict(X)
    assert told.shape == y.shape
    assert np.isfinite(told).all()


def test_one_vocabulary_from_pairs_to_molecules(tmp_path: Path) -> None:
    """Fine-tuned across quantities, one target to two, and saved."""
    pairs, molecules = table(PAIRS), table(ALKANES, "others", "clearing_temperature_C")
    source = clone(TINY).fit(MolecularGraph().transform(PAIRS), pairs.y)
    start = source.state()
    X = MolecularGraph().transform(ALKANES)
    tuned = clone(TINY).fit(X, np.stack([molecules.y] * 2, axis=1), start=source, train="head")
    for name, array in tuned.state().items():
        if name.startswith(("embedding", "features", "convolutions.0.linear")):
            np.testing.assert_array_equal(array, start[name])
    strategy = ly.FineTune(TINY, replace(pairs, _root=None))
    predictor = ly.Predictor.of(strategy.fit(molecules))
    predictor.save(tmp_path / "saved")
    found = ly.Predictor.load(tmp_path / "saved").predict(ALKANES[:4])
    np.testing.assert_array_equal(
        found["clearing_temperature_C"], predictor.predict(ALKANES[:4])["clearing_temperature_C"]
    )


def test_atoms_without_a_bond_are_learned_from() -> None:
    X = MolecularGraph().transform(["[Cl-]", "[Br-]", "[I-]", "[F-]"])
    assert np.isfinite(clone(TINY).fit(X, np.arange(4.0)).predict(X)).all()


def test_single_and_double_precision_agree() -> None:
    """The fused kernel against plain torch: the table of kinds is read alike by both."""
    X = MolecularGraph().transform(MOLECULES)
    model = clone(TINY).fit(X, np.arange(6.0))
    graph, features = model.inputs(X, np.arange(6))
    single = model.module_.encode((graph, features)).detach()
    module = model.module_.double()
    precise = replace(graph, basis=graph.basis.double(), conditions=graph.conditions.double())
    double = module.encode((precise, features.double())).detach()
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-6)


def test_wrong_settings_are_named() -> None:
    X = MolecularGraph().transform(ALKANES)
    for wrong in ({"readout": "max"}, {"convolution": "deep"}):
        with pytest.raises(InputError, match="not known"):
            clone(TINY).set_params(**wrong).fit(X, np.arange(19.0))
