"""Ensembles: the same bits in any number of processes, resumable, honest spread."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import clone

from leyden.errors import InputError
from leyden.models import CrystalGraphNetwork, Ensemble, network_class
from leyden.representations.crystal_graph import CrystalGraph
from leyden.testing import check_model, tiny_crystals

DATA = tiny_crystals(40)
GRAPHS = CrystalGraph().transform(DATA.items)
Y = DATA.targets.to_numpy()[:, :2]
MEMBER = CrystalGraphNetwork(width=8, hidden=8, convolutions=1, epochs=2)
ENSEMBLE = Ensemble(MEMBER, members=3, n_jobs=1)


@pytest.fixture(scope="module")
def fitted() -> Ensemble:
    return clone(ENSEMBLE).fit(GRAPHS, Y)


def test_it_keeps_the_contract_of_a_model():
    check_model(ENSEMBLE, GRAPHS, Y[:, 0])


def test_processes_change_no_bit(fitted):
    together = clone(ENSEMBLE).set_params(n_jobs=2).fit(GRAPHS, Y)
    np.testing.assert_array_equal(together.predict_members(GRAPHS), fitted.predict_members(GRAPHS))


def test_mean_and_spread_are_those_of_the_members(fitted):
    each = fitted.predict_members(GRAPHS)
    assert each.shape == (3, 40, 2)
    mean, std = fitted.predict(GRAPHS, return_std=True)
    np.testing.assert_allclose(mean, each.mean(axis=0))
    np.testing.assert_allclose(std, each.std(axis=0, ddof=1))
    assert (std > 0).all()


def test_members_differ_in_rows_and_seeds_and_keep_them_as_others_join(fitted):
    tasks = [clone(ENSEMBLE)._task(i, 1000, None, {}) for i in range(2)]
    rows = [rows for _, rows, _ in tasks]
    assert [len(part) for part in rows] == [600, 600]
    assert len(np.unique(rows[0])) == 600
    assert 300 < len(np.intersect1d(*rows)) < 420
    assert len({member.random_state for member, _, _ in tasks}) == 2
    fewer = Ensemble(MEMBER, members=2, n_jobs=1).fit(GRAPHS, Y)
    np.testing.assert_array_equal(fewer.predict_members(GRAPHS), fitted.predict_members(GRAPHS)[:2])


def test_members_that_are_done_are_not_fitted_again(tmp_path, fitted):
    Ensemble(MEMBER, members=2, n_jobs=1).fit(GRAPHS, Y, checkpoint=tmp_path)
    first = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    resumed = clone(ENSEMBLE).fit(GRAPHS, Y, checkpoint=tmp_path)
    names = ["member-000.pt", "member-001.pt", "member-002.pt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in first.items())
    np.testing.assert_array_equal(resumed.predict(GRAPHS), fitted.predict(GRAPHS))


def test_a_copy_from_config_and_state_predicts_the_same(fitted):
    copy = Ensemble.from_state(json.loads(json.dumps(fitted.config())), fitted.state())
    np.testing.assert_array_equal(copy.predict_members(GRAPHS), fitted.predict_members(GRAPHS))
    np.testing.assert_array_equal(copy.embed(GRAPHS), fitted.embed(GRAPHS))


def test_groups_and_starts_reach_the_members(fitted):
    groups = DATA.groups["formula"].to_numpy()
    start = fitted.members_[0]
    tuned = Ensemble(MEMBER, members=2, n_jobs=1)
    tuned.fit(GRAPHS, Y, groups=groups, start=start, train="head")
    np.testing.assert_array_equal(tuned.embed(GRAPHS).shape, start.embed(GRAPHS).shape)
    kept = "convolutions.0.linear.weight"
    for member in tuned.members_:
        np.testing.assert_array_equal(member.state()[kept], start.state()[kept])


def test_misuse_is_named():
    with pytest.raises(InputError, match="at least one member"):
        Ensemble(MEMBER, members=0).fit(GRAPHS, Y)
    with pytest.raises(InputError, match="call fit first"):
        Ensemble(MEMBER).predict(GRAPHS)
    assert network_class("crystal_graph_network") is CrystalGraphNetwork
