"""Measured conductivities: what a split keeps together, and that every arm can be fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import leyden as ly
from leyden.data.dataset import Dataset
from leyden.data.formulas import parse_composition
from leyden.models import Censored
from leyden.representations.phase_cell import PhaseCell
from leyden.studies import conductivity_arms as study
from leyden.testing import tiny_transfer


def test_rows_that_share_any_label_stand_together() -> None:
    papers = ["a", "a", "b", "c", "d", "e"]
    formulas = ["LiCl", "LiF", "LiF", "LiI", "LiBr", "LiBr"]
    found = study.joined_labels(papers, formulas)
    assert len(set(found[:3])) == 1
    assert found[4] == found[5]
    assert len(set(found)) == 3


@pytest.fixture(scope="module")
def measured(data_home) -> Dataset:
    data_home("obelix")
    return study.conductivities()


def test_no_training_row_is_within_a_twentieth_of_the_atoms_of_a_test_row(
    measured: Dataset,
) -> None:
    parsed = [parse_composition(item.formula) for item in measured.items]
    amounts = pd.DataFrame(parsed).fillna(0).to_numpy(float)
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    apart = np.abs(fractions[:, None] - fractions).sum(axis=2) / 2

    def nearest(split: ly.splits.Split) -> np.ndarray:
        folds = list(split.split(measured))
        assert sum(len(fold.test) for fold in folds) == len(measured)
        return np.concatenate([apart[np.ix_(f.test, f.train)].min(axis=1) for f in folds])

    assert nearest(ly.splits.GroupKFold(study.FAMILY, 5)).min() > 0.05
    assert nearest(ly.splits.GroupKFold(study.PAPER, 5)).min() < 0.01  # a doping series goes on
    assert (nearest(ly.splits.KFold(5)) <= 0.05).mean() > 0.7  # most rows have a double
    names = measured.groups["family"]
    with pytest.raises(ly.InputError, match="needs a label of family"):
        next(ly.splits.GroupKFold("family", 5).split(measured))
    measured = measured.with_group("name", names.where(names.notna(), "none"))
    assert nearest(ly.splits.GroupKFold("name", 5)).min() == pytest.approx(0)  # names part doubles


def test_every_arm_predicts_what_it_has_not_seen(measured: Dataset) -> None:
    """With sources and searches made small; the true ones are for the benchmark."""
    source = tiny_transfer(60, 20)[0]
    source = replace(source, items=tuple(item.formula for item in source.items), _root=None)
    rows = np.random.default_rng(0).permutation(len(measured))[:90]
    data = measured.take(rows)
    arms = study.conductivity_arms(sources=[source])
    assert set(study.AVERAGE) < set(arms)
    held_out = data.hold_out(np.arange(20), study.FAMILY)
    train = data.without(held_out)
    for name in ("kernel, censored", "boosting, censored", "frozen embeddings, censored"):
        arm = small(arms[name]).fit(train, held_out=held_out)
        assert "bounds_as_values" not in arm.notes_
        said = arm.predict(data.take(slice(0, 20)))
        assert ((said > -20) & (said < 1)).all()
        assert (arm.model_.regressors_[0].imputed_ <= -8).all()
    assert isinstance(arms["kernel, censored"].model.regressor, Censored)
    with pytest.raises(ly.InputError, match="Phase"):
        PhaseCell().transform(["LiCl"])


def small(arm: ly.Strategy) -> ly.Strategy:
    """The arm with less to do."""
    arm = clone(arm)
    for name, value in {
        "lengths": (4.0,),
        "alphas": (0.03,),
        "n_estimators": 20,
        "iterations": 3,
        "epochs": 2,
        "least_steps": 0,
    }.items():
        found = [key for key in deep(arm) if key.split("__")[-1] == name]
        arm.set_params(**dict.fromkeys(found, value))
    return arm


def deep(arm: ly.Strategy) -> list[str]:
    return list(arm.get_params(deep=True))
