"""Table I of Cubuk, Sendek and Reed: four models, three sets of lithium compounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from leyden import metrics
from leyden.data.conductors import published_verdicts
from leyden.data.dataset import Dataset
from leyden.models.classifiers import structural_models
from leyden.models.conductors import ElementalClassifier, linear_svm
from leyden.representations import represent
from leyden.studies.class_scores import DRAWS, scores_of_few
from leyden.studies.conductor_arms import ALL, MEANS, PublishedModel, Without, sML
from leyden.studies.conductor_data import Conductors
from leyden.studies.conductor_pool import Pool, search_pool
from leyden.studies.conductor_subsets import (
    PENALTIES,
    PROTOCOLS,
    Search,
    best_by_chance,
    compare,
    search,
)

__all__ = [
    "FEWEST",
    "VERDICTS",
    "Answers",
    "Choices",
    "decision",
    "make_table",
    "scored",
    "scores_of_simulated",
    "search_choices",
]

FEWEST = 10
"""Compounds below which no accuracy is told."""
VERDICTS = "simulations, by the paper's verdicts"
"""Name of the 21 compounds where their authors' verdicts tell what is good, not 1e-4 S/cm."""

PUBLISHED = {
    ("sML", "experiments"): 90.0,
    ("eML", "experiments"): 97.5,
    ("esML", "experiments"): 87.5,
    ("atom2vec-esML", "experiments"): 87.5,
    ("eML", "structures"): 13.0,
    ("esML", "structures"): 92.0,
    ("atom2vec-esML", "structures"): 95.4,
    ("sML", "simulations"): 90.5,
    ("eML", "simulations"): 52.4,
    ("esML", "simulations"): 85.7,
    ("atom2vec-esML", "simulations"): 85.7,
}
"""Accuracies in per cent; the model `always poor` is ours. Of the simulations they are by the
paper's own verdicts."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of a set, beside the truth.

    Attributes
    ----------
    model, rows : str
        Who said it, and of which set.
    protocol : str
    truth : ndarray of bool, shape (n,)
    score : ndarray of float, shape (n,)
        Above 0 says good.
    groups : ndarray of str, shape (n,), optional
        Rows of one group are one witness; by default each row is one.
    selected : bool
        Whether these rows have chosen the model, so that no interval holds.
    """

    model: str
    rows: str
    protocol: str
    truth: np.ndarray
    score: np.ndarray
    groups: np.ndarray | None = None
    selected: bool = False


@dataclass(frozen=True, eq=False)
class Choices:
    """What was tried to choose descriptors on the 40 compounds.

    Attributes
    ----------
    searches : tuple of Search
        All subsets of the nine descriptors; the first as published, the others with one thing else.
    compared : DataFrame
        As of `compare`.
    by_chance : ndarray
        Best accuracies by the protocol and penalty of the best, with shuffled labels.
    pool : Pool
        The search among 36 descriptors.
    """

    searches: tuple[Search, ...]
    compared: pd.DataFrame
    by_chance: np.ndarray
    pool: Pool

    @property
    def published(self) -> Search:
        """The search by the protocol of the paper."""
        return self.searches[0]


def search_choices(data: Conductors, *, quick: bool = False) -> Choices:
    """Every subset by every protocol, and the wider pool; a few of each for a quick run.

    A compound with two structures counts twice, as it did in the paper.
    """
    times = data.published.extra["n_structures"].to_numpy(int)
    formulas = np.repeat(np.array(data.published.items), times).tolist()
    labels = np.repeat(data.published.y > 0, times)
    sizes: Iterable[int] = (1,) if quick else range(1, 8)
    searches = tuple(
        search(one, formulas, labels, sizes=sizes, penalties=(1.0, 100.0) if quick else PENALTIES)
        for one in (PROTOCOLS[:2] if quick else PROTOCOLS)
    )
    first = searches[0]
    chance = best_by_chance(
        first.protocol,
        formulas,
        labels,
        penalty=first.penalty,
        sizes=sizes,
        shuffles=3 if quick else 20,
    )
    few = {"size": 2, "width": 1, "repeats": 10} if quick else {}
    pool = search_pool(ALL, formulas, labels, **few)
    return Choices(searches, compare(searches, formulas), chance, pool)


def make_table(data: Conductors, found: Search, students: dict[str, Any]) -> list[Answers]:
    """Every cell of the table that can be filled here, and a few more.

    Parameters
    ----------
    data : Conductors
    found : Search
        By the protocol of the paper.
    students : dict of str to model
        Unfitted elemental models that a teacher's labels teach.
    """
    X, y = _forty(data)
    simulated = data.simulated.y > 0
    columns = [f"mean {name}" for name in found.names]
    chosen = ElementalClassifier(MEANS, linear_svm(found.penalty), columns).fit(X, y)
    machine = "leave one out; subset and penalty chosen"
    seen, unseen = (f"{machine} {how}" for how in ("on these rows", "without the row"))
    said = chosen.decision(represent(MEANS, data.simulated))
    rows = [
        Answers("eML", "experiments", seen, y, found.left_out, selected=True),
        Answers("eML", "experiments", unseen, y, found.nested),
        Answers("eML", "simulations", "fitted on the 40 compounds", simulated, said),
        *_sML_left_out(data),
        _nobody("experiments", "no model", y),
        _nobody("simulations", "no model", simulated),
    ]
    teachers = {"sML of the 40": sML().fit(*_known(data)), "published equation": PublishedModel()}
    rule = Without(("O", "F"))
    unasked = {  # what knows nothing of the labels of structures
        "eML": chosen.decision(represent(MEANS, data.unlabelled)),
        "without O and F": rule.decision(represent(rule.representation, data.unlabelled)),
        "always poor": np.full(len(data.unlabelled), -1.0),
    }
    formulas = data.unlabelled.groups["formula"].to_numpy()
    for told, teacher in teachers.items():
        labels = _said(teacher, data.unlabelled)
        protocol = f"labels of the {told}"
        rows += _of_teacher(data, teacher, told)
        rows += _taught(data, students, labels, told)
        rows += [
            Answers(model, "structures", protocol, labels, score, formulas)
            for model, score in unasked.items()
        ]
    return [*rows, *_by_verdicts(rows, data)]


def scored(answers: list[Answers]) -> pd.DataFrame:
    """One row a cell: accuracy with its interval, and what a constant cannot have.

    Columns ``model, rows, protocol, n, good, published, accuracy, low, high, mcc,
    balanced_accuracy, recall, pr_auc``; accuracies in per cent, not told of fewer than `FEWEST`
    compounds. 95 % Clopper-Pearson intervals, or by drawing the groups of the rows.
    """
    lines = []
    for one in answers:
        said, truth = one.score > 0, one.truth.astype(float)
        low, high = _interval(one)
        told = len(truth) >= FEWEST
        both = 0 < truth.sum() < len(truth)
        probability = 0.5 * (1 + np.tanh(one.score / 2))
        lines.append(
            {
                "model": one.model,
                "rows": one.rows,
                "protocol": one.protocol,
                "n": len(truth),
                "good": int(truth.sum()),
                "published": _published(one),
                "accuracy": 100 * float((said == one.truth).mean()) if told else np.nan,
                "low": 100 * low if told else np.nan,
                "high": 100 * high if told else np.nan,
                "mcc": metrics.mcc(truth, said.astype(float)),
                "balanced_accuracy": metrics.balanced_accuracy(truth, said.astype(float))
                if both
                else np.nan,
                "recall": float(said[one.truth].mean()) if both else np.nan,
                "pr_auc": metrics.average_precision(truth, probability) if both else np.nan,
            }
        )
    return pd.DataFrame(lines)


def _interval(one: Answers) -> tuple[float, float]:
    """95 % interval of the share of right answers; NaN where the rows chose the model."""
    right = (one.score > 0) == one.truth
    if one.selected:
        return np.nan, np.nan
    if one.groups is None:
        exact = binomtest(int(right.sum()), len(right)).proportion_ci(method="exact")
        return exact.low, exact.high
    codes = np.unique(one.groups, return_inverse=True)[1]
    hits, sizes = np.bincount(codes, right), np.bincount(codes)
    drawn = np.random.default_rng(0).integers(len(sizes), size=(DRAWS, len(sizes)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def scores_of_simulated(answers: list[Answers]) -> pd.DataFrame:
    """What was said of the 21 compounds, by both labellings, with 95 % intervals as text.

    Columns ``labels, good, model, protocol, accuracy`` and those of `scores_of_few`; only answers
    for all of the compounds are here.
    """
    asked = [one for one in answers if one.rows in ("simulations", VERDICTS)]
    whole = max(len(one.truth) for one in asked)
    lines = [
        {
            "labels": "the paper's verdicts" if one.rows == VERDICTS else "1e-4 S/cm",
            "good": f"{one.truth.sum()} of {len(one.truth)}",
            "model": one.model,
            "protocol": one.protocol,
            "accuracy": 100 * float(((one.score > 0) == one.truth).mean()),
            **{name: str(value) for name, value in scores_of_few(one.truth, one.score).items()},
        }
        for one in asked
        if len(one.truth) == whole
    ]
    return pd.DataFrame(lines)


def _by_verdicts(answers: list[Answers], data: Conductors) -> list[Answers]:
    """The answers for the simulated compounds, beside the verdicts of the paper."""
    sets: tuple[Dataset, ...] = (data.simulated, data.simulated_crystals)
    truths = {len(simulated): published_verdicts(simulated) for simulated in sets}
    return [
        Answers(one.model, VERDICTS, one.protocol, truths[len(one.truth)], one.score)
        for one in answers
        if one.rows == "simulations"
    ]


def _published(one: Answers) -> float:
    rows = "simulations" if one.rows == VERDICTS else one.rows
    return PUBLISHED.get((one.model, rows), np.nan)


def _nobody(rows: str, protocol: str, truth: np.ndarray) -> Answers:
    return Answers("always poor", rows, protocol, truth, np.full(len(truth), -1.0))


def decision(model: Any, X: np.ndarray) -> np.ndarray:
    """Decision values, shape (n,): the model's own, or the log odds of what it predicts."""
    if hasattr(model, "decision"):
        return np.asarray(model.decision(X))
    probability = np.clip(model.predict(X), 1e-9, 1 - 1e-9)
    return np.log(probability / (1 - probability))


def _forty(data: Conductors) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors and classes of the 40; a compound with two structures stands there twice."""
    times = data.published.extra["n_structures"].to_numpy(int)
    X = np.repeat(np.asarray(represent(MEANS, data.published)), times, axis=0)
    return X, np.repeat(data.published.y > 0, times)


def _known(data: Conductors) -> tuple[np.ndarray, np.ndarray]:
    crystals = data.published_crystals
    return represent(sML().representation, crystals), crystals.y


def _sML_left_out(data: Conductors) -> list[Answers]:
    """The two structural models, each compound left out once."""
    X, y = _known(data)
    protocol, rows = "leave one out; those with a structure", []
    for kind, model in structural_models().items():
        said = np.empty(len(y))
        for row in range(len(y)):
            rest = np.arange(len(y)) != row
            said[row] = clone(model).fit(X[rest], y[rest]).decision(X[[row]])[0]
        name = "sML" if kind == "SVM" else f"sML, {kind}"
        rows.append(Answers(name, "experiments", protocol, y > 0, said))
    return rows


def _said(teacher: Any, crystals: Any) -> np.ndarray:
    """Classes that a teacher gives to crystals, shape (n,), bool."""
    return np.asarray(teacher.decision(represent(teacher.representation, crystals)) > 0)


def _of_teacher(data: Conductors, teacher: Any, told: str) -> list[Answers]:
    crystals = data.simulated_crystals
    if not len(crystals):
        return []
    score = teacher.decision(represent(teacher.representation, crystals))
    return [Answers("sML", "simulations", f"{told}; those with a structure", crystals.y > 0, score)]


def _taught(
    data: Conductors, students: dict[str, Any], labels: np.ndarray, told: str
) -> list[Answers]:
    """What students of a teacher's labels say of the three sets."""
    rows = []
    _, y = _forty(data)
    times = data.published.extra["n_structures"].to_numpy(int)
    sets = {
        "experiments": (data.published, y, times),
        "simulations": (data.simulated, data.simulated.y > 0, np.ones(len(data.simulated), int)),
    }
    split = GroupKFold(10, shuffle=True, random_state=0)
    formulas = data.unlabelled.groups["formula"].to_numpy()
    for name, model in students.items():
        X = np.asarray(represent(model.representation, data.unlabelled))
        said = np.empty(len(labels))
        for train, test in split.split(X, groups=formulas):
            said[test] = decision(_fitted(model, X[train], labels[train]), X[test])
        protocol = f"ten folds by formula; labels of the {told}"
        rows.append(Answers(name, "structures", protocol, labels, said, formulas))
        student = _fitted(model, X, labels)
        for place, (dataset, truth, count) in sets.items():
            score = decision(student, represent(model.representation, dataset))
            knows = ", which was fitted on these compounds" if place == "experiments" else ""
            answer = np.repeat(score, count)
            rows.append(Answers(name, place, f"labels of the {told}{knows}", truth, answer))
    return rows


def _fitted(model: Any, X: np.ndarray, labels: np.ndarray) -> Any:
    return clone(model).fit(X, labels.astype(float))
