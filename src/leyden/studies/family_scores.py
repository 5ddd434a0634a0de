"""What a few large families do to a score: rows of one family are hardly more than one witness."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from leyden.evaluation import Evaluation

__all__ = [
    "by_family",
    "decades_off",
    "effective_number",
    "equal_families",
    "largest",
    "wrong_class",
]

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Error of each row, shape (n,), from the truth and what was said."""


def decades_off(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Absolute error."""
    return np.abs(truth - said)


def wrong_class(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """1 where a class (0 or 1, from 0.5 on) was missed, else 0."""
    return ((truth > 0.5) != (said > 0.5)).astype(float)


def effective_number(evaluation: Evaluation) -> float:
    """How many families of one size would weigh as these do: ``(sum n)^2 / sum n^2``."""
    rows = evaluation.rows
    sizes = rows.drop_duplicates("id").groupby("group").size().to_numpy(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def largest(evaluation: Evaluation) -> str:
    """Name of the family with the most rows."""
    return str(evaluation.rows.drop_duplicates("id").groupby("group").size().idxmax())


def by_family(
    evaluation: Evaluation, arms: Sequence[str], loss: Loss, most: int = 6
) -> pd.DataFrame:
    """Mean truth and mean loss of arms, for the largest families and for all others together.

    Returns
    -------
    DataFrame
        Columns ``family``, ``rows``, ``truth`` and one an arm; largest family first.
    """
    rows = evaluation.rows[evaluation.rows["arm"].isin(list(arms))]
    sizes = rows.drop_duplicates("id").groupby("group").size().sort_values(ascending=False)
    named = list(sizes.index[:most])
    others = f"{max(len(sizes) - most, 0)} others"
    rows = rows.assign(
        family=rows["group"].where(rows["group"].isin(named), others), loss=_losses(rows, loss)
    )
    table = rows.pivot_table("loss", "family", "arm", observed=True)[list(arms)]
    each = rows.drop_duplicates("id").groupby("family")["y_true"]
    table.insert(0, "truth", each.mean())
    table.insert(0, "rows", each.size())
    return table.reindex([*named, *([others] if len(sizes) > most else [])]).reset_index()


def equal_families(evaluation: Evaluation, loss: Loss) -> dict[str, float]:
    """Mean loss of every arm where each family counts as one, whatever its size."""
    rows = evaluation.rows.assign(loss=_losses(evaluation.rows, loss))
    by = rows.groupby(["arm", "group"], sort=False)["loss"].mean()
    return {str(arm): float(value) for arm, value in by.groupby("arm", sort=False).mean().items()}


def _losses(rows: pd.DataFrame, loss: Loss) -> np.ndarray:
    said = rows["y_pred"].fillna(rows["y_fallback"])
    return loss(rows["y_true"].to_numpy(float), said.to_numpy(float))
