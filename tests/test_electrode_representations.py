"""Electrodes as model input: host, ion, graph with a condition, and a potential's voltage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import leyden as ly
from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.electrode import Electrode
from leyden.errors import IncompatibleError, InputError
from leyden.models import CrystalGraphNetwork
from leyden.predictor import Predictor
from leyden.representations import CompositionStatistics, represent
from leyden.representations import potential as module
from leyden.representations.crystal_graph import CrystalGraph
from leyden.representations.electrode import (
    ElectrodeGraph,
    Host,
    HostGraph,
    IonStatistics,
    PotentialVoltage,
)
from leyden.testing import tiny_crystals

CRYSTALS = [c for c in tiny_crystals(60).items if not {3, 30} & set(c.numbers.tolist())][:24]
SMALL = {"width": 8, "convolutions": 1, "hidden": 8, "batch_size": 16, "validation_fraction": 0.0}


def electrodes(n: int = 24) -> Dataset:
    """Hosts with lithium and zinc in turn; the voltage is one of the ion and nothing else."""
    items = [Electrode(c, ("Li", "Zn")[i % 2]) for i, c in enumerate(CRYSTALS[:n])]
    return Dataset(
        "electrodes",
        [str(i) for i in range(n)],
        items,
        pd.DataFrame({"average_voltage_V": [3.5 if e.ion == "Li" else 1.0 for e in items]}),
        {"average_voltage_V": "energy"},
        pd.DataFrame({"working_ion": [e.ion for e in items]}),
    )


def test_a_host_is_read_as_a_crystal() -> None:
    items = electrodes().items
    expected = CompositionStatistics().transform(CRYSTALS)
    assert np.array_equal(Host(CompositionStatistics()).transform(items), expected)
    assert np.array_equal(Host(CompositionStatistics()).transform(CRYSTALS), expected)
    assert np.array_equal(represent(Host(CompositionStatistics()), electrodes()), expected)
    assert Host(CompositionStatistics()).names() == CompositionStatistics().names()
    ours, theirs = HostGraph().transform(items), CrystalGraph().transform(CRYSTALS)
    for name, array in theirs.arrays().items():
        assert np.array_equal(getattr(ours, name), array), name


def test_the_ion_is_a_condition_of_the_whole_crystal() -> None:
    items = electrodes().items
    graphs = ElectrodeGraph().transform([*items, CRYSTALS[0]])
    assert graphs.conditions.shape == (25, ElectrodeGraph.conditions)
    lithium, zinc = graphs.conditions[0], graphs.conditions[1]
    assert np.array_equal(graphs.conditions[2], lithium)
    assert not np.array_equal(zinc, lithium)
    assert np.abs(graphs.conditions).max() <= 3
    assert not graphs.conditions[-1].any()  # a crystal alone has no ion
    assert np.array_equal(
        represent(ElectrodeGraph(), electrodes()).conditions, graphs.conditions[:-1]
    )


def test_a_network_learns_from_the_ion_alone_what_depends_on_nothing_else() -> None:
    data = electrodes()
    settings = {**SMALL, "epochs": 150, "learning_rate": 1e-2}
    told = CrystalGraphNetwork(representation=ElectrodeGraph(), **settings)
    blind = CrystalGraphNetwork(representation=HostGraph(), **settings)
    train, test = data.take(slice(0, 16)), data.take(slice(16, None))
    error = {
        kind: np.abs(ly.FromScratch(network).fit(train).predict(test) - test.y).mean()
        for kind, network in (("told", told), ("blind", blind))
    }
    assert error["told"] < 0.4 < 0.8 < error["blind"]


def test_a_network_goes_on_from_one_that_was_not_told_of_the_ion() -> None:
    data = electrodes()
    start = CrystalGraphNetwork(representation=HostGraph(), epochs=2, **SMALL)
    start.fit(represent(HostGraph(), data), data.y)
    network = CrystalGraphNetwork(
        representation=ElectrodeGraph(), epochs=1, learning_rate=1e-12, **SMALL
    )
    network.fit(represent(ElectrodeGraph(), data), data.y, start=start)
    assert np.abs(network.state()["condition_layer.weight"]).max() < 1e-9
    wider = CrystalGraphNetwork(representation=HostGraph(), **{**SMALL, "width": 4})
    with pytest.raises(IncompatibleError, match="differ"):
        wider.fit(represent(HostGraph(), data), data.y, start=start)


@pytest.mark.parametrize("representation", [HostGraph(ions=("Li", "Zn")), ElectrodeGraph()])
def test_a_saved_model_of_electrodes_answers_the_same(
    representation: HostGraph, tmp_path: Path
) -> None:
    data = electrodes()
    network = CrystalGraphNetwork(representation=representation, epochs=2, **SMALL)
    predictor = ly.FromScratch(network).fit(data).to_predictor()
    predictor.save(tmp_path / "model.leyden")
    again = Predictor.load(tmp_path / "model.leyden")
    assert again.representation == representation
    pd.testing.assert_frame_equal(again.predict(data.items), predictor.predict(data.items))


def test_a_model_answers_for_the_ions_that_it_was_taught() -> None:
    asked = [Electrode(CRYSTALS[0], "Zn"), Electrode(CRYSTALS[0], "Mg")]
    parts = (
        HostGraph(ions=("Zn",)),
        ElectrodeGraph(ions=("Zn",)),
        IonStatistics(ions=("Zn",)),
        Host(CompositionStatistics(), ions=("Zn",)),
    )
    for part in parts:
        part.transform(asked[:1])
        with pytest.raises(InputError, match=r"row 2.*Zn"):
            part.transform(asked)


def test_statistics_of_the_ion() -> None:
    part = IonStatistics()
    cell = (4, 4, 4, 90, 90, 90)
    host = Crystal.from_parameters(
        cell, ["Li", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]]
    )
    X = pd.DataFrame(part.transform([Electrode(host, "Li"), Electrode(host, "Zn")]))
    X.columns = part.names()
    assert X["ion Number"].tolist() == [3, 30]
    assert X["ion CovalentRadius"].tolist() == [128, 122]  # pm, Cordero et al. (2008)
    assert X["ion charge"].tolist() == [1, 2]
    assert X["ion amount in host"].tolist() == [0.5, 0]
    with pytest.raises(InputError, match="row 1"):
        part.transform([host])


def test_the_voltage_of_a_potential_is_that_of_its_energies(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """One lithium into MnO2: 2 (E of three atoms) against 4 atoms and the metal."""
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path))
    per_atom = {(25, 8, 8): -7.0, (3, 25, 8, 8): -6.5, (3,): -1.9}

    def evaluate(crystal: Crystal, row: int) -> np.ndarray:
        return np.full(321, per_atom[tuple(crystal.numbers.tolist())])

    monkeypatch.setattr(module, "_evaluate", evaluate)
    cell, sites = (4, 4, 4, 90, 90, 90), [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]]
    host = Crystal.from_parameters(cell, ["Mn", "O", "O"], sites)
    rich = Crystal.from_parameters(cell, ["Li", "Mn", "O", "O"], [[0.25, 0.25, 0.25], *sites])
    item = Electrode(host, "Li", rich)
    expected = -(4 * -6.5 - 3 * -7.0 - -1.9)
    assert PotentialVoltage().transform([item])[0, 0] == pytest.approx(expected)
    data = Dataset("one", ["a"], [item], pd.DataFrame({"average_voltage_V": [3.0]}))
    assert represent(PotentialVoltage(), data)[0, 0] == pytest.approx(expected)
    with pytest.raises(InputError, match="discharged"):
        PotentialVoltage().transform([Electrode(host, "Li")])
    assert PotentialVoltage.may_have_seen_test
