"""An evaluation in words: what a reader must know before quoting a number from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from leyden.paired import Paired

if TYPE_CHECKING:
    from leyden.evaluation import Evaluation

__all__ = ["reservations", "summarise"]

VERDICTS = {
    "gain": ("transfer helps", "errs less"),
    "harm": ("harm: transfer makes it worse", "errs more"),
    "no evidence": ("no evidence of transfer", "no evidence of a difference"),
}


def summarise(evaluation: Evaluation, against: str | None = None) -> str:
    """Scores, paired differences and reservations of an evaluation, as plain text."""
    about = evaluation.about
    against = about["reference"] if against is None else against
    parts = [
        f"{about['data']['name']}: {about['data']['rows']} rows. {about['split']}",
        _scores(evaluation),
    ]
    others = evaluation.comparisons(against)
    if others:
        parts.append(_paired(others, against, set(about["transfers"])))
    found = reservations(evaluation)
    if found:
        parts.append("Reservations\n" + "\n".join(f"  {line}" for line in found))
    return "\n\n".join(parts)


def _scores(evaluation: Evaluation) -> str:
    scores = evaluation.scores()
    shown = [
        name
        for name in ("mae", "rmse", "r2", "spearman", "mcc", "balanced_accuracy")
        if name in scores
    ]
    lines = []
    for line in scores.to_dict("records"):
        low, high = (line.get(f"mae_{end}", float("nan")) for end in ("low", "high"))
        interval = f"[{low:.4g}, {high:.4g}]" if low == low else ""
        values = [f"{line[name]:.4g}" for name in shown]
        lines.append(
            [line["arm"], line["target"], _size(line["size"]), *values, interval, line["missing"]]
        )
    header = ["arm", "target", "training rows", *shown, "95 % of mae", "missing"]
    return _table(header, lines)


def _paired(comparisons: list[Paired], against: str, transfers: set[str]) -> str:
    lines = []
    for one in comparisons:
        moves = (one.arm in transfers) > (against in transfers)
        low, high = one.ratio_interval
        lines.append(
            [
                one.arm,
                one.target,
                _size(one.size),
                f"{one.difference:+.4g}",
                f"[{one.interval[0]:+.4g}, {one.interval[1]:+.4g}]",
                f"{one.ratio:.3f} [{low:.3f}, {high:.3f}]",
                VERDICTS[one.verdict][0 if moves else 1],
            ]
        )
    title = f"Paired with {against} (MAE; negative: errs less than {against})"
    header = ["arm", "target", "training rows", "difference", "95 %", "ratio [95 %]", "verdict"]
    return f"{title}\n{_table(header, lines)}"


def reservations(evaluation: Evaluation) -> list[str]:
    """What counts against a figure: failures, missing predictions, removed and shared items."""
    notes = []
    for arm in evaluation.arms:
        tasks = [task for task in evaluation.tasks if task["arm"] == arm]
        failed = [task["error"] for task in tasks if task["error"] is not None]
        if failed:
            notes.append(
                f"{arm}: failed on {len(failed)} of {len(tasks)} folds, which are scored as the "
                f"training mean ({failed[0]})"
            )
        missing = evaluation.rows.loc[evaluation.rows["arm"] == arm, "y_pred"].isna().sum()
        if missing:
            notes.append(f"{arm}: {missing} missing predictions are scored as the training mean")
        removed = [task["notes"].get("source_rows_removed", 0) for task in tasks]
        if any(removed):
            notes.append(f"{arm}: up to {max(removed)} rows taken out of the source, fold by fold")
        shared = [task["notes"].get("shared_items", 0) for task in tasks]
        if any(shared):
            notes.append(f"{arm}: a source of another quantity shares up to {max(shared)} items")
        bounds = [task["notes"].get("bounds_as_values", 0) for task in tasks]
        if any(bounds):
            notes.append(f"{arm}: learned up to {max(bounds)} upper bounds as if measured")
        if any(task["notes"].get("may_have_seen_test") for task in tasks):
            notes.append(f"{arm}: may have seen test rows (nobody can name its training rows)")
    return notes


def _size(size: int) -> str:
    return str(size) if size else "all"


def _table(header: list[str], lines: Sequence[Sequence[object]]) -> str:
    cells = [header, *([str(cell) for cell in line] for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
