"""Transfer of the study `lithium-hopping`: a network of one temperature, at another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone

from leyden.artefact import writing
from leyden.data.dataset import Dataset
from leyden.data.trajectories import trajectory_dataset
from leyden.dynamics.core_sets import hard_memberships, state_agreement
from leyden.dynamics.koopman import Kinetics
from leyden.errors import InputError
from leyden.hashing import code_of, content_hash, learning_code
from leyden.physics.intervals import Estimate
from leyden.studies.hopping_motion import Visits, visits
from leyden.studies.hopping_networks import graph_network
from leyden.studies.hopping_runs import LAG_PS, Effort, Langevin
from leyden.transfer import FineTune, FromScratch, SourceAsIs, Strategy

__all__ = [
    "CRITERIA",
    "GENTLE",
    "SCRATCH",
    "TARGET_K",
    "TUNED",
    "Transfer",
    "arms",
    "differences",
    "learning_curve",
    "needed_ns",
    "saved_ns",
    "summary",
]

TARGET_K = 350.0
SCRATCH, AS_IS, TUNED, HEAD = "from scratch", "source as is", "fine-tuned", "fine-tuned head"
GENTLE = {"learning_rate": 1e-3, "least_steps": 100}
"""What differs from the training from scratch when a network of the source goes on learning."""
CRITERIA = {
    "agreement": (">=", 0.97, "agreement with the sites of at least 97 %"),
    "timescale_error": ("<=", 0.10, "a timescale within 10 % of the core-set model's"),
}
"""What counts as found: column of the rows, comparison, limit, and in words."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """What transfer between temperatures gave.

    Attributes
    ----------
    rows : DataFrame
        See `learning_curve`.
    visits : Visits
        At `TARGET_K`, by cores, in the half that is measured on.
    """

    rows: pd.DataFrame
    visits: Visits


def arms(source: Dataset, effort: Effort, seed: int) -> dict[str, Strategy]:
    """The strategies that are compared, for one seed."""
    network = graph_network(effort, restarts=1, random_state=seed)
    return {
        SCRATCH: FromScratch(network),
        AS_IS: SourceAsIs(network, source),
        TUNED: FineTune(network, source, settings=GENTLE),
        HEAD: FineTune(network, source, train="head", settings=GENTLE),
    }


def learning_curve(effort: Effort, folder: Path, progress: bool) -> Transfer:
    """Score and agreement at the other temperature, by the length of the run that teaches.

    Every seed learns from another part of the run at `TARGET_K`, and all are measured on its second
    half. A seed has the same part, and the same random numbers, in every arm.

    Parameters
    ----------
    effort : Effort
    folder : Path
        Where runs and every finished score are kept.
    progress : bool

    Returns
    -------
    Transfer
        Its rows have the columns ``ns``, ``arm``, ``seed``, ``vamp2``, ``agreement``,
        ``timescale_error`` (relative, to the core-set model of the same frames) and ``error``: why
        nothing was found, where the states collapsed; then the score is 1, the agreement that of
        one state, and the error of the timescale not known.
    """
    there, here = Langevin(effort, folder), Langevin(effort, folder, TARGET_K, random_state=1)
    here.run(progress)
    source = trajectory_dataset(there.teaching, ids=[f"{there.model.temperature_K:g} K"])
    test = graph_network(effort).representation.transform([here.tested])
    rows = []
    for seed in range(effort.seeds):
        learners = arms(source, effort, seed)
        for ns in effort.transfer_ns:
            start = round(seed * 1000 * max(effort.transfer_ns))
            part = here.teaching.window(start, start + round(1000 * ns))
            target = trajectory_dataset(part, ids=[f"{TARGET_K:g} K, {seed}"])
            for name, strategy in learners.items():
                kept = folder / "transfer" / f"{_key(effort, seed, ns, name)}.json"
                if not kept.is_file():
                    with writing(kept) as file:
                        file.write(json.dumps(_scored(strategy, target, test, here)).encode())
                rows.append({"ns": ns, "arm": name, "seed": seed, **json.loads(kept.read_text())})
    return Transfer(pd.DataFrame(rows), visits(here.sites))


def _key(effort: Effort, seed: int, ns: float, arm: str) -> str:
    """Of all that decides a score: not of the criteria, which are asked of the scores."""
    code = learning_code(), code_of("simulators"), _scored
    return content_hash(code, effort, graph_network(effort), GENTLE, TARGET_K, seed, ns, arm)[:16]


def _scored(
    strategy: Strategy, target: Dataset, test: object, run: Langevin
) -> Mapping[str, float | str]:
    truth = run.states
    try:
        model = clone(strategy).fit(target).model_
    except InputError as error:
        one = float(np.bincount(truth[truth >= 0]).max() / (truth >= 0).sum())
        nothing = float("nan")
        return {"vamp2": 1.0, "agreement": one, "timescale_error": nothing, "error": error.rule}
    (memberships,) = model.memberships(test)
    (mixture,) = model.mixtures(test)
    cores = Kinetics(hard_memberships(truth, 2), LAG_PS, samples=2).koopman()
    found = Kinetics(mixture, LAG_PS, samples=2).koopman()
    return {
        "vamp2": found.vamp2,
        "agreement": state_agreement(memberships.argmax(2), truth).fraction,
        "timescale_error": abs(float(found.timescales_ps[0] / cores.timescales_ps[0]) - 1),
        "error": "",
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, with half-widths of 95 % intervals, and how many found nothing."""
    lines = []
    for (ns, arm), rows in table.groupby(["ns", "arm"], sort=False):
        line: dict[str, object] = {"ns": ns, "arm": arm}
        for name in ("vamp2", "agreement", "timescale_error"):
            mean = _mean(rows[name].to_numpy(float))
            line[name], line[f"{name} ±"] = mean.value, mean.high - mean.value
        line["collapsed"] = int((rows["error"] != "").sum())
        lines.append(line)
    return pd.DataFrame(lines)


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """How much more each arm reaches than training from scratch, seed by seed, with intervals.

    Returns
    -------
    DataFrame
        Columns ``ns``, ``arm``, and of ``vamp2`` and ``agreement`` the mean difference over seeds
        and its 95 % interval (``low``, ``high``).
    """
    lines = []
    scratch = table[table["arm"] == SCRATCH].set_index(["ns", "seed"])
    others = table[table["arm"] != SCRATCH].set_index(["ns", "seed"])
    for (ns, arm), rows in others.groupby(["ns", "arm"], sort=False):
        line: dict[str, object] = {"ns": ns, "arm": arm}
        for name in ("vamp2", "agreement"):
            mean = _mean((rows[name] - scratch[name]).to_numpy(float))
            line |= {name: mean.value, f"{name} low": mean.low, f"{name} high": mean.high}
        lines.append(line)
    return pd.DataFrame(lines)


def needed_ns(table: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """The shortest run from which a seed of an arm keeps a criterion, and goes on keeping it.

    Returns
    -------
    DataFrame
        A row a seed, a column an arm; NaN where the longest run was too short, and 0 where the
        network of the source needs no run at all.
    """
    comparison, limit, _ = CRITERIA[criterion]
    found: dict[str, dict[Any, float]] = {}
    for (arm, seed), rows in table.groupby(["arm", "seed"], sort=False):
        rows = rows.sort_values("ns")
        values = rows[criterion].to_numpy(float)
        kept = values >= limit if comparison == ">=" else values <= limit
        kept = kept[::-1].cumprod()[::-1].astype(bool)
        first = 0.0 if arm == AS_IS else float(rows["ns"].iloc[int(kept.argmax())])
        found.setdefault(str(arm), {})[seed] = first if kept.any() else float("nan")
    return pd.DataFrame(found)


def saved_ns(table: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """What each arm needs of the target's run, and saves against training from scratch.

    Seeds for which the longest run is too short count with that length: what they need is more. Of
    training from scratch, what is saved is then a lower bound; where the arm itself has such seeds,
    it could be more or less, and is not told.

    Returns
    -------
    DataFrame
        Columns ``arm``, ``needs`` (mean over seeds), ``never`` (seeds for which the longest run was
        too short), ``saves``, ``low`` and ``high``: mean over seeds of the difference, and its 95 %
        interval; NaN where some of the arm's own were too short.
    """
    needs = needed_ns(table, criterion)
    at_least = needs.fillna(float(table["ns"].max()))
    lines = []
    for arm in needs:
        never = int(needs[arm].isna().sum())
        saved = (at_least[SCRATCH] - at_least[arm]).to_numpy(float)
        saves = _mean(np.full_like(saved, np.nan) if never and arm != SCRATCH else saved)
        lines.append((arm, float(at_least[arm].mean()), never, *saves))
    return pd.DataFrame(lines, columns=["arm", "needs", "never", "saves", "low", "high"])


def _mean(values: np.ndarray) -> Estimate:
    """Of independent seeds, with the 95 % interval by Student's distribution; NaN left out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(*[float("nan")] * 3)
    mean, half = float(values.mean()), float("nan")
    if len(values) > 1:
        error = values.std(ddof=1) / np.sqrt(len(values))
        half = float(stats.t.ppf(0.975, len(values) - 1) * error)
    return Estimate(mean, mean - half, mean + half)
