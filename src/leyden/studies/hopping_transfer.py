"""Transfer of the study `lithium-hopping`: a network of one temperature, at another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone

from leyden.artefact import writing
from leyden.data.dataset import Dataset
from leyden.data.trajectories import trajectory_dataset
from leyden.dynamics.core_sets import state_agreement
from leyden.dynamics.koopman import Kinetics
from leyden.errors import InputError
from leyden.hashing import code_of, content_hash, learning_code
from leyden.studies.hopping_networks import graph_network
from leyden.studies.hopping_runs import LAG_PS, Effort, Langevin
from leyden.transfer import FineTune, FromScratch, SourceAsIs, Strategy

__all__ = ["SOUND", "TARGET_K", "arms", "learning_curve", "saving_ns", "summary"]

TARGET_K = 350.0
SCRATCH, AS_IS, TUNED, HEAD = "from scratch", "source as is", "fine-tuned", "fine-tuned head"
GENTLE = {"learning_rate": 1e-3, "least_steps": 100}
SOUND = 0.97
"""Agreement with the sites that counts as found."""


def arms(source: Dataset, effort: Effort, seed: int) -> dict[str, Strategy]:
    """The strategies that are compared, for one seed."""
    network = graph_network(effort, restarts=1, random_state=seed)
    return {
        SCRATCH: FromScratch(network),
        AS_IS: SourceAsIs(network, source),
        TUNED: FineTune(network, source, settings=GENTLE),
        HEAD: FineTune(network, source, train="head", settings=GENTLE),
    }


def learning_curve(effort: Effort, folder: Path, progress: bool) -> pd.DataFrame:
    """Score and agreement at the other temperature, by the length of the run that teaches.

    Every seed learns from another part of the run at `TARGET_K`, and all are measured on its second
    half.

    Parameters
    ----------
    effort : Effort
    folder : Path
        Where runs and every finished score are kept.
    progress : bool

    Returns
    -------
    DataFrame
        Columns ``ns``, ``arm``, ``seed``, ``vamp2``, ``agreement`` and ``error``: why nothing was
        found, where the states collapsed; then the score is 1, and the agreement that of one state.
    """
    there, here = Langevin(effort, folder), Langevin(effort, folder, TARGET_K, random_state=1)
    here.run(progress)
    source = trajectory_dataset(there.teaching, ids=[f"{there.model.temperature_K:g} K"])
    test = graph_network(effort).representation.transform([here.tested])
    rows, code = [], (learning_code(), code_of("simulators"))
    for seed in range(effort.seeds):
        learners = arms(source, effort, seed)
        for ns in effort.transfer_ns:
            start = round(seed * 1000 * max(effort.transfer_ns))
            part = here.teaching.window(start, start + round(1000 * ns))
            target = trajectory_dataset(part, ids=[f"{TARGET_K:g} K, {seed}"])
            for name, strategy in learners.items():
                key = content_hash(code, effort, GENTLE, TARGET_K, seed, ns, name)[:16]
                kept = folder / "transfer" / f"{key}.json"
                if not kept.is_file():
                    with writing(kept) as file:
                        file.write(json.dumps(_scored(strategy, target, test, here)).encode())
                rows.append({"ns": ns, "arm": name, "seed": seed, **json.loads(kept.read_text())})
    return pd.DataFrame(rows)


def _scored(
    strategy: Strategy, target: Dataset, test: object, run: Langevin
) -> Mapping[str, float | str]:
    truth = run.states
    try:
        model = clone(strategy).fit(target).model_
    except InputError as error:
        one = float(np.bincount(truth[truth >= 0]).max() / (truth >= 0).sum())
        return {"vamp2": 1.0, "agreement": one, "error": error.rule}
    (memberships,) = model.memberships(test)
    return {
        "vamp2": Kinetics(memberships, LAG_PS, samples=2).koopman().vamp2,
        "agreement": state_agreement(memberships.argmax(2), truth).fraction,
        "error": "",
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, with their 95 % intervals, and how many found nothing."""
    lines = []
    for (ns, arm), rows in table.groupby(["ns", "arm"], sort=False):
        line: dict[str, object] = {"ns": ns, "arm": arm}
        for name in ("vamp2", "agreement"):
            values = rows[name].to_numpy(float)
            line[name] = values.mean()
            spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            line[f"{name} ±"] = stats.t.ppf(0.975, max(len(values) - 1, 1)) * spread
        line["collapsed"] = int((rows["error"] != "").sum())
        lines.append(line)
    return pd.DataFrame(lines)


def saving_ns(table: pd.DataFrame) -> dict[str, float]:
    """The shortest run from which every seed of an arm is sound, and stays so; NaN if none is."""
    found = {}
    for arm, rows in table.groupby("arm", sort=False):
        worst = rows.groupby("ns")["agreement"].min().sort_index()
        sound = (worst >= SOUND).to_numpy()[::-1].cumprod()[::-1].astype(bool)
        found[str(arm)] = float(worst.index[int(sound.argmax())]) if sound.any() else float("nan")
    return found
