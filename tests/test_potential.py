"""Embeddings of a potential: repeatable, kept row by row, honest about what they may have seen."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.errors import InputError, MissingExtraError
from leyden.representations import Concatenated, PotentialEmbedding, PotentialEnergy, represent
from leyden.representations import potential as module


def salts() -> list[Crystal]:
    lattice = (np.ones((3, 3)) - np.eye(3)) / 2
    return [
        Crystal(np.array(pair), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), a * lattice)
        for pair, a in (((11, 17), 5.64), ((3, 9), 4.03), ((12, 8), 4.21))
    ]


def dataset(items: list[Crystal]) -> Dataset:
    ids = [str(i) for i in range(len(items))]
    return Dataset("salts", ids, items, pd.DataFrame({"y": np.zeros(len(items))}))


def test_rows_do_not_depend_on_their_neighbours() -> None:
    pytest.importorskip("chgnet")
    embedding = PotentialEmbedding()
    X = embedding.transform(salts())
    assert X.shape == (3, len(embedding.names())) == (3, 320)
    assert np.array_equal(X[::-1], embedding.transform(salts()[::-1]))
    assert np.array_equal(X[:, :64], PotentialEmbedding(statistics=()).transform(salts()))
    assert np.isfinite(X).all()
    assert np.abs(X[0] - X[1]).max() > 0.1
    # The mean over atoms and their extremes are of one set of features.
    mean, std, least, most = np.split(X[:, 64:], 4, axis=1)
    assert ((least <= mean + 1e-5) & (mean <= most + 1e-5) & (std >= 0)).all()


def test_a_killed_run_goes_on(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path))
    monkeypatch.setattr("leyden.representations.cache._SECONDS_AT_RISK", -1.0)
    asked = []

    def evaluate(crystal: Crystal, row: int) -> np.ndarray:
        asked.append(row)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return np.full(321, float(crystal.numbers[0]))

    monkeypatch.setattr(module, "_evaluate", evaluate)
    embedding = PotentialEmbedding(statistics=())
    with pytest.raises(KeyboardInterrupt):
        embedding.of(dataset(salts()))
    X = embedding.of(dataset(salts()))
    assert asked == [1, 2, 3, 3]
    assert X[:, 0].tolist() == [11, 3, 12]
    # Other data sets and parameters, and the energy, share the rows.
    assert represent(embedding, dataset([*salts()[1:], salts()[1]]))[:, 0].tolist() == [3, 12, 3]
    assert PotentialEmbedding(statistics=("mean",)).of(dataset(salts())).shape == (3, 128)
    assert PotentialEnergy().of(dataset(salts())).tolist() == [[11], [3], [12]]
    assert asked == [1, 2, 3, 3]


def test_energies_are_those_of_the_potential() -> None:
    pytest.importorskip("chgnet")
    energy = PotentialEnergy().transform(salts())
    assert energy.shape == (3, 1)
    expected = [module._chgnet().predict_structure(s.to_structure(), task="e") for s in salts()]
    assert energy[:, 0] == pytest.approx([float(found["e"]) for found in expected], rel=1e-6)
    assert PotentialEnergy.may_have_seen_test


def test_statistics_are_chosen_by_name() -> None:
    pytest.importorskip("chgnet")
    whole = PotentialEmbedding().transform(salts())
    some = PotentialEmbedding(statistics=("max", "mean")).transform(salts())
    assert np.array_equal(some[:, 64:128], whole[:, 256:])
    assert np.array_equal(some[:, 128:], whole[:, 64:128])


def test_a_damaged_or_absent_cache_costs_time_only(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "_evaluate", lambda crystal, row: np.full(321, row))
    (tmp_path / "rows.sqlite").write_bytes(b"not a database at all" * 100)
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path))
    embedding = PotentialEmbedding(statistics=())
    assert embedding.of(dataset(salts()))[:, 0].tolist() == [1, 2, 3]
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path / "rows.sqlite"))
    assert embedding.of(dataset(salts()))[:, 0].tolist() == [1, 2, 3]


def test_errors() -> None:
    with pytest.raises(InputError, match="chgnet"):
        PotentialEmbedding(name="m3gnet")
    with pytest.raises(InputError, match="row 1"):
        PotentialEmbedding().transform(["NaCl"])
    assert PotentialEmbedding.may_have_seen_test
    assert Concatenated((PotentialEmbedding(),)).may_have_seen_test


def test_an_atom_alone_has_no_graph() -> None:
    pytest.importorskip("chgnet")
    alone = Crystal(np.array([3]), np.zeros((1, 3)), 30 * np.eye(3))
    with pytest.raises(InputError, match=r"row 1.*isolated"):
        PotentialEmbedding().transform([alone])


def test_without_the_package_the_extra_is_named(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    module._chgnet.cache_clear()
    monkeypatch.setitem(sys.modules, "chgnet.model", None)
    with pytest.raises(MissingExtraError, match=r"leyden\[potentials\]"):
        PotentialEmbedding().transform(salts())
