"""Errors of many arms on the same rows, and their ratios, from one drawing of groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from leyden.evaluation import Evaluation
from leyden.paired import bootstrap_means

__all__ = ["DrawnErrors", "Ratio", "told_by_verdict"]

_DRAWS = 2000
_DRAWS_OF_SCORES = 1000
"""As many as `Evaluation.scores` draws, so that a page tells one interval of an error."""


class Ratio(NamedTuple):
    """Error of one arm over that of another, its 95 % interval, and what the difference shows."""

    ratio: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True, eq=False)
class DrawnErrors:
    """Mean absolute errors of all arms, and the same when groups are drawn anew.

    The draws are those of `Evaluation.paired`: any two arms are compared without drawing again.

    Attributes
    ----------
    error : Series
        Arm to error.
    missing : Series
        Arm to the number of rows that are scored as the training mean.
    drawn : mapping of str to ndarray, shape (draws,)
        Arm to errors.
    """

    error: pd.Series
    missing: pd.Series
    drawn: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, evaluation: Evaluation) -> DrawnErrors:
        """The errors of an evaluation of one target and one size."""
        rows = evaluation.rows
        said = rows["y_pred"].fillna(rows["y_fallback"]).to_numpy(float)
        loss = np.abs(said - rows["y_true"].to_numpy(float))
        arm, names = pd.factorize(rows["arm"])
        group, groups = pd.factorize(rows["group"], sort=True)
        repeat, repeats = pd.factorize(rows["repeat"], sort=True)
        shape = (len(names), len(groups), len(repeats))
        cell = np.ravel_multi_index((arm, group, repeat), shape)
        sums = np.bincount(cell, weights=loss, minlength=np.prod(shape)).reshape(shape)
        counts = 1.0 * np.bincount(cell, minlength=np.prod(shape)).reshape(shape)[0]
        means = np.nanmean(bootstrap_means(sums, counts, _DRAWS, 0), axis=-1)
        error = (sums.sum(axis=1) / counts.sum(axis=0)).mean(axis=-1)
        missing = np.bincount(arm, weights=rows["y_pred"].isna(), minlength=len(names))
        return cls(
            pd.Series(error, index=names),
            pd.Series(missing.astype(int), index=names),
            dict(zip(names, means, strict=True)),
        )

    def interval(self, arm: str) -> tuple[float, float]:
        """95 % interval of the error of an arm."""
        low, high = np.quantile(self.drawn[arm][:_DRAWS_OF_SCORES], [0.025, 0.975])
        return float(low), float(high)

    def ratio(self, arm: str, against: str) -> Ratio:
        """The error of one arm over that of another, paired."""
        mine, theirs = self.drawn[arm], self.drawn[against]
        low, high = np.quantile(mine - theirs, [0.025, 0.975])
        verdict = "gain" if high < 0 else "harm" if low > 0 else "no evidence"
        least, most = np.quantile(mine / theirs, [0.025, 0.975])
        ratio = float(self.error[arm] / self.error[against])
        return Ratio(ratio, float(least), float(most), verdict)


def told_by_verdict(ratios: Iterable[tuple[str, Ratio]]) -> str:
    """Names and ratios in words, those of one verdict together."""
    told: dict[str, list[str]] = {"gain": [], "no evidence": [], "harm": []}
    for name, one in ratios:
        told[one.verdict].append(f"{name} ({one.ratio:.2f})")
    words = {"gain": "a gain for", "no evidence": "no evidence for", "harm": "harm for"}
    return "; ".join(f"{words[verdict]} {', '.join(own)}" for verdict, own in told.items() if own)
