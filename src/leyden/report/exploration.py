"""The page of `leyden explore report`: what was tried, what is best, what matters, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leyden.errors import InputError, did_you_mean
from leyden.exploration.analysis import ExplorationAnalysis, analyse
from leyden.exploration.batches import propose
from leyden.exploration.best_so_far import one_campaign
from leyden.exploration.campaign_rows import contenders
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.surrogate import Surrogate
from leyden.plots.exploration import best_so_far_curves
from leyden.plots.style import subplots
from leyden.report import Report
from leyden.report.exploration_parts import (
    change,
    shown,
    tell_belief,
    tell_cuts,
    tell_front,
    tell_importance,
    tell_landscapes,
    tell_surface,
    tell_uphill,
    words,
)
from leyden.report.tables import format_number

if TYPE_CHECKING:
    from leyden.exploration.campaign import Campaign
    from leyden.exploration.search_space import Objective, Parameter, SearchSpace

__all__ = ["campaign_report", "exploration_report", "reference_row"]

_NEXT = 4
_COARSE_GRAINED = (
    "The simulator is coarse-grained: its beads glide where molecules rub, and move 100 to 1000 "
    "times too fast. Its trends are to be trusted, its absolute conductivities are not.",
    "The conductivity is that of Nernst and Einstein, every lithium ion for itself. Where ions "
    "move together, what a cell would deliver is less.",
)


def campaign_report(
    campaign: Campaign,
    *,
    command: str,
    version: str,
    reference: Mapping[str, Any] | None = None,
    folds: int = 10,
    random_state: int = 0,
) -> Report:
    """The report of a campaign as it stands; nothing in it is changed.

    Parameters
    ----------
    campaign : Campaign
        With two values at least.
    command, version : str
        What made it; shown in the footer.
    reference : mapping, optional
        A known row, by parameter. Default: PEO-LiTFSI in a campaign of the polymer simulator, else
        none.
    folds : int
        Of held-out predictions; 0 for none.
    random_state : int

    Raises
    ------
    InputError
        No value yet; a reference out of the space.
    MissingExtraError
        The extra ``bo`` is not installed.
    """
    evaluator = campaign.evaluator or {}
    polymer = evaluator.get("kind") == "polymer"
    if reference is None and polymer:
        reference = polymer_reference(campaign.space.names, evaluator.get("fixed"))
    observations, history = campaign.observations(), campaign.history()
    surrogates = [
        Surrogate(campaign.space, objective, random_state=random_state).fit(observations)
        for objective in campaign.objectives
    ]
    analyses = [
        analyse(one, observations, reference=reference, folds=folds, random_state=random_state)
        for one in surrogates
    ]
    several = len(surrogates) > 1
    proposals = propose(
        surrogates,
        observations,
        pd.DataFrame(columns=campaign.space.names),
        _NEXT,
        method="hypervolume" if several else "local penalisation",
        random_state=random_state,
    )
    return exploration_report(
        analyses,
        history[history["task"] == campaign.task],
        command=command,
        version=version,
        proposals=proposals,
        own_cpu_seconds=campaign.status().driver_cpu_seconds,
        caveats=_COARSE_GRAINED if polymer else (),
    )


def exploration_report(
    analyses: Sequence[ExplorationAnalysis],
    history: pd.DataFrame,
    *,
    command: str,
    version: str,
    curves: pd.DataFrame | None = None,
    proposals: pd.DataFrame | None = None,
    own_cpu_seconds: float | None = None,
    caveats: Sequence[str] = (),
) -> Report:
    """All that was found, in reading order.

    Parameters
    ----------
    analyses : sequence of ExplorationAnalysis
        One an objective, all of one space.
    history : DataFrame
        Its own evaluations in order, see `leyden.exploration.campaign.Campaign.history`; of the
        columns ``outcome``, ``error``, ``method`` and ``cpu_seconds`` any may be missing.
    command, version : str
        What made it; shown in the footer.
    curves : DataFrame, optional
        Arms to compare, see `leyden.plots.exploration.best_so_far_curves`; of the first objective.
        Default: this exploration.
    proposals : DataFrame, optional
        What it would try next.
    own_cpu_seconds : float, optional
        What surrogates and proposals have cost.
    caveats : sequence of str
        What the reader must know of the source of the values.
    """
    first = analyses[0]
    names = " and ".join(words(one.objective.name) for one in analyses)
    report = Report(f"Exploration of {names}", " ".join(map(_lead, analyses)))
    report.provenance(command=command, version=version)
    report.warnings([*caveats, *(text for one in analyses for text in _doubts(one))])
    _explored(report, first, history, own_cpu_seconds)
    if len(analyses) > 1:
        tell_front(report, first.space, [one.objective for one in analyses], history)
    for number, one in enumerate(analyses):
        which = f": {words(one.objective.name)}" if len(analyses) > 1 else ""
        _progress(report, one, history, curves if number == 0 else None, which)
        _best(report, one, which)
        tell_importance(report, one, which)
        tell_uphill(report, one, which)
        tell_cuts(report, one, which)
        tell_landscapes(report, one, which)
        tell_surface(report, one, which)
        tell_belief(report, one, which)
    if proposals is not None and len(proposals):
        _next(report, first, proposals, single=len(analyses) == 1)
    return report


def reference_row(given: Sequence[str], space: SearchSpace) -> dict[str, Any]:
    """A row from texts such as ``x=0.5``; every parameter is needed.

    Raises
    ------
    InputError
        Not a name and a value; an unknown, a missing or a second parameter; not a number.
    """
    row: dict[str, Any] = {}
    kinds = {parameter.name: parameter.kind for parameter in space}
    for text in given:
        name, _, value = text.partition("=")
        if name not in kinds or name in row:
            remedy = did_you_mean(name, space.names)
            raise InputError("a reference is NAME=VALUE, once", value=text, remedy=remedy)
        try:
            row[name] = value if kinds[name] == "categorical" else float(value)
        except ValueError as error:
            raise InputError(f"{name} is a number", value=value) from error
    missing = [name for name in space.names if name not in row]
    if missing:
        raise InputError(
            "a reference has a value of every parameter",
            value=missing[0],
            remedy=f"add --reference {missing[0]}=VALUE",
        )
    return row


def _lead(found: ExplorationAnalysis) -> str:
    objective = found.objective
    sentences = []
    if len(found.best_found):
        row = found.best_found.iloc[0]
        sentences.append(
            f"The best {words(objective.name)} that was found is {_observed(objective, row)}; with "
            f"allowance for noise, {shown(objective, row)} is expected of its row, in brackets the "
            "95 % interval."
        )
    best = shown(objective, found.best_predicted.iloc[0])
    sentences.append(f"The best that is expected anywhere is {best}.")
    if found.reference_given:
        at = shown(objective, found.reference.iloc[0])
        sentences.append(
            f"The reference is expected at {at}, which differs from the best by "
            f"{change(objective, found.gain)}."
        )
    ranked = found.importance
    if "share" in ranked:
        ranked = ranked.sort_values("share", ascending=False)
        share = format_number(float(ranked["share"].iloc[0]), digits=2)
        reason = f"with its values shuffled, predictions lose {share} of the variance observed"
    else:
        reason = "its length scale is the shortest"
    sentences.append(f"What matters most is {words(str(ranked.index[0]))}: {reason}.")
    return " ".join(sentences)


def _observed(objective: Objective, row: pd.Series) -> str:
    """An observed value with its standard error, if that is known."""
    error = row.get(f"{objective.name}_error", np.nan)
    text = format_number(float(row[objective.name]), error)
    if np.isfinite(error):
        text += f" ± {format_number(float(error), error)}"
    return text + (f" {objective.unit}" if objective.unit else "")


def _doubts(found: ExplorationAnalysis) -> list[str]:
    """What the numbers themselves warn of."""
    doubts = []
    beyond = found.at_bounds()
    if beyond:
        doubts.append(
            f"The best predicted row lies at the bound of {', '.join(map(words, beyond))}: there "
            "may be better beyond."
        )
    _, low, high = found.gain
    if found.reference_given and low < 0 < high:
        doubts.append("The best predicted row is not told apart from the reference at 95 %.")
    held = found.held_out
    if held is None:
        doubts.append("Too few values to hold some out: nothing says how far to believe this.")
    elif held.coverage_interval[1] < 0.95:
        doubts.append(
            f"Intervals of 95 % hold {100 * held.coverage:.0f} % of held-out values: they are too "
            "narrow."
        )
    elif held.explained < 0.25:
        doubts.append(
            f"Held-out predictions explain {100 * held.explained:.0f} % of the variance: maps and "
            "rankings below are hardly better than guesses."
        )
    return doubts


def _explored(
    report: Report, found: ExplorationAnalysis, history: pd.DataFrame, own_cpu: float | None
) -> None:
    columns: dict[str, list[Any]] = {
        "parameter": [words(p.name) for p in found.space],
        "from": [p.low if p.kind != "categorical" else np.nan for p in found.space],
        "to": [p.high if p.kind != "categorical" else np.nan for p in found.space],
        "unit": [p.unit for p in found.space],
        "kind": [_kind(p) for p in found.space],
    }
    if found.reference_given:
        columns["reference"] = [found.reference[p.name].iloc[0] for p in found.space]
    report.section("What was explored").table(
        pd.DataFrame(columns), caption="Parameters and their bounds.", digits=3
    )
    rules = [str(constraint) for constraint in found.space.constraints]
    if rules:
        report.text(f"Rows keep to: {'; '.join(rules)}.")
    counts = _outcomes(history, found)
    report.table(counts, caption="Evaluations by what came of them.", digits=3)
    report.text(_cost(history, own_cpu))


def _kind(parameter: Parameter) -> str:
    if parameter.kind == "categorical":
        return ", ".join(map(str, parameter.levels))
    return "logarithmic" if parameter.scale == "log" else parameter.kind


def _outcomes(history: pd.DataFrame, found: ExplorationAnalysis) -> pd.DataFrame:
    """Rows by outcome and by whether they gave a value, a bound or nothing."""
    name = found.objective.name
    bounds = history[f"{name}_bound"].fillna("") if f"{name}_bound" in history else ""
    gave = np.where(history[name].isna(), "nothing", np.where(bounds != "", "a bound", "a value"))
    outcome = history["outcome"].fillna("ok") if "outcome" in history else "ok"
    table = history.assign(outcome=outcome, gave=gave)
    counts = table.groupby(["outcome", "gave"], sort=False).size().rename("evaluations")
    ordered = counts.sort_values(ascending=False, kind="stable").reset_index()
    if "error" in history:
        said = table[table["error"].fillna("") != ""].drop_duplicates(["outcome", "gave"])
        said = said[["outcome", "gave", "error"]].rename(columns={"error": "for example"})
        ordered = ordered.merge(said, how="left")
    return ordered


def _cost(history: pd.DataFrame, own_cpu: float | None) -> str:
    known = history["cpu_seconds"].dropna() if "cpu_seconds" in history else pd.Series(dtype=float)
    if known.empty:
        return f"{len(history):,} evaluations; what they cost was not told."
    total = float(known.sum())
    text = (
        f"{len(history):,} evaluations took {format_number(total / 3600, digits=3)} hours of one "
        f"processor, in the median {format_number(float(known.median()), digits=3)} s each."
    )
    if own_cpu is not None and total > 0:
        text += (
            f" Surrogates and proposals took {format_number(own_cpu, digits=3)} s, "
            f"{format_number(100 * own_cpu / total, digits=2)} % of that."
        )
    return text


def _progress(
    report: Report,
    found: ExplorationAnalysis,
    history: pd.DataFrame,
    curves: pd.DataFrame | None,
    which: str,
) -> None:
    if curves is None:
        drawn = history.get("method", pd.Series("", history.index)) == "random"
        values = contenders(history, found.objective)
        curves = one_campaign(values, drawn.to_numpy(), maximise=found.objective.maximise)
    report.section(f"The best so far{which}").text(
        "An evaluation counts whether it gave a value or not. Where rows were drawn at random they "
        "could have come in any order: the line is the median over all orders, the band holds 95 % "
        "of them, and closes where the rows end."
    )
    figure, ax = subplots(width=6.4, height=4.0)
    best_so_far_curves(curves, ax, objective=found.objective)
    report.figure(
        figure,
        caption="The best value that was observed, against the number of evaluations",
        alt="Steps of the best value so far",
    )


def _best(report: Report, found: ExplorationAnalysis, which: str) -> None:
    parts = {"best found": found.best_found, "best predicted": found.best_predicted}
    if found.reference_given:
        parts["reference"] = found.reference
    table = pd.DataFrame({"": [*(_titled(p) for p in found.space), "expected, 95 % interval"]})
    for name, part in parts.items():
        if len(part):
            row = part.iloc[0]
            values = [_value(row[parameter]) for parameter in found.space.names]
            table[name] = [*values, shown(found.objective, row)]
    report.section(f"The best{which}").text(
        "The best of many noisy values flatters itself, and so, by less, does the highest point of "
        "a prediction: simulate it again before it is believed."
    )
    report.table(table, caption="The best rows, and what is expected of them.")


def _titled(parameter: Parameter) -> str:
    return words(parameter.name) + (f" ({parameter.unit})" if parameter.unit else "")


def _value(value: Any) -> str:
    return format_number(float(value), digits=3) if isinstance(value, Real) else str(value)


def _next(
    report: Report, found: ExplorationAnalysis, proposals: pd.DataFrame, single: bool
) -> None:
    rule = (
        "expected improvement, each with regard to those before it (local penalisation: J. "
        "González et al., AISTATS 2016)"
        if single
        else "the gain in hypervolume that all objectives promise together"
    )
    report.section("What it would try next").text(
        f"Chosen by {rule}. Nothing was entered into the campaign: `leyden explore suggest` does."
    )
    report.table(
        proposals[found.space.names],
        caption="Proposals.",
        names={name: words(name) for name in found.space.names},
        units={p.name: p.unit for p in found.space if p.unit},
    )
