"""An evaluation in words: what a reader must know before quoting a number from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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


def reservations(evaluation: Evaluation, arms: Sequence[str] | None = None) -> list[str]:
    """What counts against a figure: failures, missing predictions, removed and shared items.

    Parameters
    ----------
    evaluation : Evaluation
    arms : sequence of str, optional
        Of which arms this is told; what failed is told of all. Default: all.

    Returns
    -------
    list of str
        ``"arm; another arm: what is to be known of both"``.
    """
    concerned: dict[str, list[str]] = {}
    for arm in evaluation.arms:
        tasks = [task for task in evaluation.tasks if task["arm"] == arm]
        missing = int(evaluation.rows.loc[evaluation.rows["arm"] == arm, "y_pred"].isna().sum())
        notes = _failures(tasks, missing)
        if arms is None or arm in arms:
            notes += _doubts(tasks)
        for note in notes:
            concerned.setdefault(note, []).append(arm)
    return [f"{'; '.join(names)}: {note}" for note, names in concerned.items()]


def _failures(tasks: list[dict[str, Any]], missing: int) -> list[str]:
    notes = []
    failed = [task["error"] for task in tasks if task["error"] is not None]
    if failed:
        notes.append(
            f"failed on {len(failed)} of {len(tasks)} folds, which are scored as the training mean "
            f"({failed[0]})"
        )
    if missing:
        notes.append(f"{missing} missing predictions are scored as the training mean")
    return notes


def _doubts(tasks: list[dict[str, Any]]) -> list[str]:
    most = {
        key: max((task["notes"].get(key, 0) for task in tasks), default=0)
        for key in ("source_rows_removed", "shared_items", "bounds_as_values", "may_have_seen_test")
    }
    notes = {
        "source_rows_removed": "up to {} rows taken out of the source, fold by fold",
        "shared_items": "a source of another quantity shares up to {} items",
        "bounds_as_values": "learned up to {} upper bounds as if measured",
        "may_have_seen_test": "may have seen test rows (nobody can name its training rows)",
    }
    return [note.format(most[key]) for key, note in notes.items() if most[key]]


def _size(size: int) -> str:
    return str(size) if size else "all"


def _table(header: list[str], lines: Sequence[Sequence[object]]) -> str:
    cells = [header, *([str(cell) for cell in line] for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
