"""Criteria of saved predictors, applied to the rows that a screening has kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.errors import InputError, did_you_mean
from leyden.screening.criteria import ModelBound
from leyden.screening.saved_predictors import file_sha256, load_predictor

if TYPE_CHECKING:
    from leyden.predictor import Predictor

__all__ = ["apply_models", "pinned"]

_BATCH = 1024
_FORMULA = "LiFePO4"


def pinned(criterion: ModelBound) -> ModelBound:
    """The criterion with the absolute path and the hash of its file, which is tried out.

    Whatever is wrong with a model is said before a screening begins, and not when it ends.

    Raises
    ------
    InputError
        There is no such file, it is not the one that the criterion names by its hash, the predictor
        has no such target, or it takes no formulas.
    ArtefactError
        The file holds no predictor.
    """
    place = os.path.abspath(criterion.model)
    sha256 = file_sha256(place)
    if criterion.sha256 not in ("", sha256):
        raise InputError(
            "the predictor is another than the one that the criterion names by its sha256",
            value=sha256,
            file=place,
            remedy="give that one, or leave sha256 out",
        )
    predictor = load_predictor(place, sha256)
    if criterion.target not in predictor.targets:
        raise InputError(
            "the predictor has no such target",
            value=criterion.target,
            file=place,
            remedy=did_you_mean(criterion.target, predictor.targets),
        )
    if trouble := predictor.predict([_FORMULA])["error"].iloc[0]:
        raise InputError(
            f"the predictor takes no formulas: {trouble}",
            file=place,
            remedy="fit one on a representation of compositions",
        )
    return replace(criterion, model=place, sha256=sha256)


def apply_models(
    rows: pd.DataFrame, criteria: Sequence[ModelBound]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Predict the kept rows, and leave out those whose prediction breaks a limit.

    Parameters
    ----------
    rows : DataFrame
        Kept rows, with a column ``formula``.
    criteria : sequence of ModelBound
        Applied one after the other.

    Returns
    -------
    rows : DataFrame
        Those that pass, in their order, with columns ``NAME``, ``NAME_std``, ``NAME_lower``,
        ``NAME_upper`` and ``NAME_in_domain_percentile`` of each criterion.
    counts : dict of str to int
        ``"kept"``; then, a criterion, ``"kept, NAME not predicted"`` where there are such (they do
        not pass) and ``"kept after NAME"``.  All are of the kept rows, not of the space.

    Raises
    ------
    InputError
        As of `pinned`, or a column is taken.
    ArtefactError
        A file holds no predictor.
    """
    counts = {"kept": len(rows)}
    for criterion in map(pinned, criteria):
        predictor = load_predictor(criterion.model, criterion.sha256)
        if criterion.name in rows.columns:
            raise InputError(
                "the kept rows have such a column already",
                value=criterion.name,
                remedy="give the criterion another name",
            )
        rows = _with_prediction(rows, predictor, criterion)
        value = rows[criterion.name].to_numpy(float)
        low = -np.inf if criterion.minimum is None else criterion.minimum
        high = np.inf if criterion.maximum is None else criterion.maximum
        if not np.isfinite(value).all():
            counts[f"kept, {criterion.name} not predicted"] = int((~np.isfinite(value)).sum())
        rows = rows[(value >= low) & (value <= high)].reset_index(drop=True)
        counts[f"kept after {criterion.name}"] = len(rows)
    return rows, counts


def _with_prediction(
    rows: pd.DataFrame, predictor: Predictor, criterion: ModelBound
) -> pd.DataFrame:
    predicted = predictor.predict(rows["formula"].tolist(), chunk=_BATCH)
    columns = {
        criterion.name + suffix: predicted[criterion.target + suffix].to_numpy(float)
        for suffix in ("", "_std", "_lower", "_upper")
    }
    percentile = predicted["in_domain_percentile"].to_numpy(float)
    return rows.assign(**columns, **{f"{criterion.name}_in_domain_percentile": percentile})
