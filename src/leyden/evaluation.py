"""The result of an evaluation: out-of-fold rows, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.artefact import writing
from leyden.errors import ArtefactError, InputError
from leyden.metrics import METRICS
from leyden.paired import LOSSES, Paired, compare_errors, score_intervals
from leyden.summary import reservations, summarise

__all__ = ["Evaluation", "plain"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of several arms for the same test rows of the same folds.

    A prediction is *missing* when the arm failed on the fold or answered with something that is
    not finite.  It is scored as the mean of the fold's training answers, which is what could be
    said without the arm; it is counted, and it is never left out.

    Attributes
    ----------
    rows : DataFrame
        One row a test row, repeat, size, arm and target: ``id, repeat, fold, size, group, arm,
        target, y_true, y_pred, y_std, y_fallback, train_rows``.  `y_pred` is NaN where it is
        missing, `y_fallback` is what it is scored as; `size` is 0 off a learning curve; `group` is
        the id where the split keeps no groups.  Rows whose answer was not measured are not here.
    tasks : list of dict
        One a fold and arm: ``repeat, fold, size, arm, train_rows, test_rows, seconds, error,
        notes``; `error` is None where the arm did not fail.
    about : dict
        ``data`` (name, rows, sha256), ``split``, ``group``, ``reference`` (the arm that the others
        are compared with) and ``transfers`` (names of the arms that transfer knowledge).
    """

    rows: pd.DataFrame
    tasks: list[dict[str, Any]]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def arms(self) -> list[str]:
        """Names of the arms, in the order in which they were given."""
        return list(dict.fromkeys(task["arm"] for task in self.tasks))

    @property
    def targets(self) -> list[str]:
        """Names of the targets, with their units."""
        return [str(target) for target in self.rows["target"].unique()]

    @property
    def sizes(self) -> list[int]:
        """Sizes of the learning curve; ``[0]`` where there is none."""
        return sorted(int(size) for size in self.rows["size"].unique())

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The tasks in which an arm raised an error."""
        return [task for task in self.tasks if task["error"] is not None]

    def subset(self, ids: Iterable[str]) -> Evaluation:
        """The same evaluation, scored on these ids only.

        Choose them by what they are (their source, their elements), never by how well they are
        predicted.
        """
        kept = self.rows[self.rows["id"].isin(set(ids))]
        if kept.empty:
            raise InputError("none of these ids is a test row", remedy="give ids of the dataset")
        return replace(self, rows=kept.reset_index(drop=True))

    def scores(
        self, metrics: Sequence[str] | None = None, level: float = 0.95, random_state: int = 0
    ) -> pd.DataFrame:
        """A table with one row for every size, target and arm.

        Parameters
        ----------
        metrics : sequence of str, optional
            Names in `leyden.metrics.METRICS`; by default those of regression, or those of
            classification for a target whose answers are all 0 or 1.
        level : float
            Of the intervals.

        Returns
        -------
        DataFrame
            ``size, target, arm, n`` (scored rows, all repeats), ``missing`` (how many of them
            count as the training mean), and for each metric its value: pooled over the folds of a
            repeat, then averaged over repeats; ``<metric>_spread`` is the standard deviation over
            repeats (NaN for one); ``mae`` and ``rmse`` have ``_low`` and ``_high``, the percentile
            interval of drawing groups (or ids).
        """
        table = []
        for size, target in self._parts():
            part = self.rows[(self.rows["size"] == size) & (self.rows["target"] == target)]
            names = metrics or _default_metrics(part["y_true"].to_numpy())
            wide = self.errors(target, size)
            intervals = {
                name: score_intervals(wide, self.arms, name, level, random_state=random_state)
                for name in names
                if name in LOSSES
            }
            for arm in self.arms:
                mine = part[part["arm"] == arm]
                missing = int(mine["y_pred"].isna().sum())
                line = {"size": size, "target": target, "arm": arm, "n": len(mine)}
                line["missing"] = missing
                for name in names:
                    line |= _scored(mine, name)
                    if name in intervals:
                        line[f"{name}_low"], line[f"{name}_high"] = intervals[name][arm]
                table.append(line)
        return pd.DataFrame(table)

    def paired(
        self,
        arm: str,
        against: str | None = None,
        *,
        metric: str = "mae",
        target: str | None = None,
        size: int | None = None,
        level: float = 0.95,
        resamples: int = 2000,
        random_state: int = 0,
    ) -> Paired:
        """Compare two arms on the rows that both were asked for.

        Parameters
        ----------
        arm, against : str
            Names; `against` is the reference arm by default.
        metric : {"mae", "rmse"}
        target, size : str, int
            Needed where there are several.
        """
        against = self.about["reference"] if against is None else against
        target = _one_of(target, self.targets, "target")
        size = _one_of(size, self.sizes, "size")
        return compare_errors(
            self.errors(target, size),
            [_one_of(arm, self.arms, "arm")],
            _one_of(against, self.arms, "arm"),
            target=target,
            metric=metric,
            size=size,
            level=level,
            resamples=resamples,
            random_state=random_state,
        )[0]

    def comparisons(self, against: str | None = None, metric: str = "mae") -> list[Paired]:
        """Every other arm against one, for every target and size."""
        against = self.about["reference"] if against is None else against
        _one_of(against, self.arms, "arm")
        others = [arm for arm in self.arms if arm != against]
        return [
            one
            for size, target in self._parts()
            for one in compare_errors(
                self.errors(target, size), others, against, target=target, metric=metric, size=size
            )
        ]

    def errors(self, target: str, size: int = 0) -> pd.DataFrame:
        """Signed errors (prediction less answer), one column an arm, one row a test row and repeat.

        Further columns: ``id, repeat, fold, cluster, train_rows``.
        """
        part = self.rows[(self.rows["target"] == target) & (self.rows["size"] == size)]
        part = part.assign(error=_filled(part) - part["y_true"], cluster=part["group"])
        keys = ["id", "repeat", "fold", "cluster", "train_rows"]
        return part.pivot(index=keys, columns="arm", values="error").reset_index()

    def _parts(self) -> list[tuple[int, str]]:
        return [(size, target) for size in self.sizes for target in self.targets]

    def summary(self, against: str | None = None) -> str:
        """Scores, paired comparisons, and every reservation, as text."""
        return summarise(self, against)

    def reservations(self, arms: Sequence[str] | None = None) -> list[str]:
        """What a reader must know of arms (`leyden.summary.reservations`)."""
        return reservations(self, arms)

    def save(self, folder: str | Path) -> None:
        """Write ``rows.parquet`` and ``results.json``, each one whole or not at all."""
        folder = Path(folder)
        with writing(folder / "rows.parquet") as file:
            self.rows.to_parquet(file, index=False)
        result = {
            "schema_version": SCHEMA_VERSION,
            "about": self.about,
            "tasks": self.tasks,
            "scores": self.scores().to_dict("records"),
            "paired": [p.as_dict() for p in self.comparisons()] if len(self.arms) > 1 else [],
        }
        with writing(folder / "results.json") as file:
            file.write(json.dumps(plain(result), indent=1, allow_nan=False).encode())

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read what `save` wrote.

        Raises
        ------
        ArtefactError
            A file is absent, damaged or of another schema version.
        """
        folder = Path(folder)
        try:
            result = json.loads((folder / "results.json").read_text())
            if result["schema_version"] != SCHEMA_VERSION:
                raise ArtefactError(f"{folder}: schema version {result['schema_version']!r}")
            rows = pd.read_parquet(folder / "rows.parquet")
            return cls(rows, result["tasks"], result["about"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{folder}: no evaluation can be read here ({error}).") from error


def _scored(mine: pd.DataFrame, name: str) -> dict[str, float]:
    """One metric of one arm, and its spread over repeats."""
    if name not in METRICS:
        raise InputError("no such metric", value=name, remedy=f"choose from {', '.join(METRICS)}")
    truth, said = mine["y_true"].to_numpy(), _filled(mine).to_numpy()
    repeats = mine.groupby("repeat").indices.values()
    values = [METRICS[name].function(truth[rows], said[rows]) for rows in repeats]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return {name: float(np.mean(values)), f"{name}_spread": spread}


def _filled(rows: pd.DataFrame) -> pd.Series:
    return rows["y_pred"].fillna(rows["y_fallback"])


def _default_metrics(truth: np.ndarray) -> list[str]:
    task = "classification" if np.isin(truth, (0, 1)).all() else "regression"
    return [name for name, metric in METRICS.items() if metric.task == task]


def _one_of(value: Any, choices: Sequence[Any], what: str) -> Any:
    if value is None and len(choices) == 1:
        return choices[0]
    if value not in choices:
        raise InputError(
            f"name one {what} of the evaluation",
            value=value,
            remedy=f"choose from {', '.join(map(str, choices))}",
        )
    return value


def plain(value: Any) -> Any:
    """Nested values ready for JSON: no NumPy scalars, and null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
