"""What follows from the rows of arms: averages, equal or weighted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from leyden.evaluation import Evaluation

__all__ = ["KEYS", "predictions", "stacked", "with_arm", "with_averages"]

KEYS = ["id", "repeat", "fold", "size", "target"]


def with_averages(evaluation: Evaluation, averages: Mapping[str, Sequence[str]]) -> Evaluation:
    """The evaluation with arms that are equal averages of others.

    Equal to fitting `leyden.selection.Blend` anew, since the mean of predictions is all it takes.
    An average whose parts are not all there is left out.
    """
    for name, parts in averages.items():
        if set(parts) <= set(evaluation.arms):
            mean = predictions(evaluation, parts).mean(axis=1, skipna=False)
            evaluation = with_arm(evaluation, name, parts, mean)
    return evaluation


def stacked(
    evaluation: Evaluation,
    stacks: Mapping[str, Sequence[str]],
    random_state: int = 0,
    trusted: Collection[str] | None = None,
) -> Evaluation:
    """Score half of the predicted rows, and choose the weights of the stacks by the other half.

    The validation half of each repeat is drawn by id and scored by nobody. Weights are those of
    non-negative least squares on it, for each repeat and target (Breiman, Machine Learning 24, 49
    (1996)). A stack whose parts are not all there is left out. With `trusted`, only these ids
    choose weights; all of the other half are scored.
    """
    rows = evaluation.rows
    choosing = pd.Series(False, index=rows.index)
    for repeat in sorted(set(rows["repeat"])):
        ids = np.unique(rows.loc[rows["repeat"] == repeat, "id"].to_numpy(str))
        drawn = np.random.default_rng([random_state, int(repeat)]).permutation(ids)
        choosing |= (rows["repeat"] == repeat) & rows["id"].isin(drawn[: len(ids) // 2])
    usable = True if trusted is None else rows["id"].isin(set(trusted))
    learn = replace(evaluation, rows=rows[choosing & usable])
    about = {
        **evaluation.about,
        "split": f"{evaluation.about['split']}; half of the rows that are not learned from choose "
        "the weights of the stacks, the other half is scored",
    }
    score = replace(evaluation, rows=rows[~choosing].reset_index(drop=True), about=about)
    truth = learn.rows.drop_duplicates(KEYS).set_index(KEYS)["y_true"]
    for name, parts in stacks.items():
        if not set(parts) <= set(evaluation.arms):
            continue
        known, asked = predictions(learn, parts), predictions(score, parts)
        answers = []
        for place, table in asked.groupby(level=["repeat", "target"]):
            seen = known.xs(place, level=("repeat", "target"), drop_level=False)
            centre = truth[seen.index].mean()
            weights, _ = nnls((seen - centre).to_numpy(), (truth[seen.index] - centre).to_numpy())
            answers.append((table - centre) @ weights + centre)
        score = with_arm(score, name, parts, pd.concat(answers))
    return score


def predictions(evaluation: Evaluation, parts: Sequence[str]) -> pd.DataFrame:
    """Predictions of some arms, one column each; a missing one is what it is scored as."""
    mine = evaluation.rows[evaluation.rows["arm"].isin(parts)]
    filled = mine.assign(y_pred=mine["y_pred"].fillna(mine["y_fallback"]))
    return filled.pivot(index=KEYS, columns="arm", values="y_pred")[list(parts)]


def with_arm(
    evaluation: Evaluation, name: str, parts: Sequence[str], prediction: pd.Series
) -> Evaluation:
    """The evaluation with one more arm, whose predictions follow from those of its parts."""
    template = evaluation.rows[evaluation.rows["arm"] == parts[0]].drop(columns="y_pred")
    if "y_std" in template:  # the spread of a part is not that of the mean
        template["y_std"] = np.nan
    rows = template.merge(prediction.rename("y_pred").reset_index(), on=KEYS)
    notes = {part: [t for t in evaluation.tasks if t["arm"] == part] for part in parts}
    tasks = [
        {
            **task,
            "arm": name,
            "notes": _merged([other["notes"] for other in others]),
            "seconds": sum(other["seconds"] for other in others),
            "error": "; ".join(other["error"] for other in others if other["error"]) or None,
        }
        for task, *others in zip(notes[parts[0]], *notes.values(), strict=True)
    ]
    about = dict(evaluation.about)
    if set(parts) & set(about["transfers"]):
        about["transfers"] = [*about["transfers"], name]
    return Evaluation(
        pd.concat([evaluation.rows, rows.assign(arm=name)], ignore_index=True),
        [*evaluation.tasks, *tasks],
        about,
    )


def _merged(notes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Notes of an arm made of arms: of each note the greatest, so that no reservation is lost."""
    names = {name for part in notes for name in part}
    return {name: max(part[name] for part in notes if name in part) for name in sorted(names)}
