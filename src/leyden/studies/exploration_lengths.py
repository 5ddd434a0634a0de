"""What a simulation of the polymer tells for its length: first parts of stored runs.

A row a run and length. It is computed where the folders of the runs lie, and kept in a small table
beside the campaigns, from which it is read where they do not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.artefact import writing
from leyden.data.trajectory import Trajectory
from leyden.exploration.campaign import Campaign
from leyden.hashing import code_of
from leyden.physics.intervals import student_mean
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.polymer_conductivity import all_ions, of_lithium
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte
from leyden.simulators.polymer_outcome import Outcome, judge

__all__ = ["POINTS", "lengths_of", "summary_of_lengths"]

#: What the points are called, and the campaigns that simulate them several times.
POINTS: Mapping[str, str] = {
    "fast": "replicates-proposed",
    "middle": "reference",
    "slow": "slow",
}
_KEYS = ["point", "id", "random_state", "length_ns"]
_COLLECTIVE = ("collective_S_per_cm", "collective_low", "collective_high")
_COLUMNS = [
    *_KEYS,
    "outcome",
    "log10_S_per_cm",
    "log10_error",
    "is_upper_bound",
    "cpu_seconds",
    "nernst_einstein_S_per_cm",
    "transference_number",
    *_COLLECTIVE,
    "collective_transference_number",
    "code",
]
#: What judges a run and tells its conductivity: parts that other code has judged are judged anew.
_CODE = (
    *("simulators/polymer_conductivity.py", "simulators/polymer_outcome.py"),
    *("physics/diffusion.py", "physics/intervals.py", "physics/transport.py"),
)


def lengths_of(
    campaigns: Mapping[str, Campaign | None], file: Path, lengths_ns: Sequence[float]
) -> pd.DataFrame:
    """First parts of the runs of campaigns; what can be computed and is not there yet is added.

    Parameters
    ----------
    campaigns : mapping of str to Campaign or None
        By point. Of each finished row, the folder of its run is looked for.
    file : Path
        The table, read and written (in one step) here.
    lengths_ns : sequence of float
        Ascending; longer ones than a run are left out.

    Returns
    -------
    DataFrame
        ``point``, ``id``, ``random_state``, ``length_ns``; ``outcome``, ``log10_S_per_cm`` of
        lithium by Nernst and Einstein with ``log10_error``, ``is_upper_bound``; ``cpu_seconds`` of
        what goes before the production, and of this part of it;
        ``nernst_einstein_S_per_cm`` of all ions and the ``transference_number`` of this kind;
        ``collective_S_per_cm`` with its 95 % interval and
        ``collective_transference_number``; ``code``, of what judged it. Empty where neither table
        nor folders are there.
    """
    known = _read(file)
    code = code_of(*_CODE)[:12]
    kept = set(known.loc[known["code"] == code, _KEYS].itertuples(index=False, name=None))
    added = []
    for point, campaign in campaigns.items():
        if campaign is None:
            continue
        for row in campaign.history().sort_values("id").to_dict("records"):
            key = (point, row["id"], row["random_state"])
            missing = [length for length in lengths_ns if (*key, length) not in kept]
            folder = campaign.runs / f"{row['id']:04d}" / "run"
            if missing and (folder / "run.json").exists():
                fixed = dict((campaign.evaluator or {}).get("fixed", {}))
                parameters = {name: row[name] for name in campaign.space.names}
                system = PolymerElectrolyte.at(**{**fixed, **parameters}).system
                shared = dict(zip(_KEYS, key, strict=False)) | {"code": code}
                added += [shared | part for part in _parts(folder, system, missing)]
    if not added:
        return known
    table = pd.DataFrame(added)[_COLUMNS]
    if len(known):
        table = pd.concat([known, table]).drop_duplicates(_KEYS, keep="last")
    table = table.sort_values(_KEYS, ignore_index=True)
    with writing(file) as stream:
        stream.write(table.to_csv(index=False, lineterminator="\n").encode())
    return table


def summary_of_lengths(table: pd.DataFrame) -> pd.DataFrame:
    """By point and length, what a run tells and what it costs.

    Returns
    -------
    DataFrame
        ``point``, ``length_ns``, ``runs``; ``scatter`` of log10 sigma between seeds; ``told``, the
        root mean square of the errors that runs know of themselves; ``bias`` against the longest
        part of the same runs with ``bias_low`` and ``bias_high`` (95 %, Student's t over seeds);
        ``bounds``, the share of upper bounds; ``cpu_seconds``; ``collective_S_per_cm``, mean over
        seeds, ``collective_scatter`` between them and ``collective_told``, half of the 95 %
        intervals, both over the mean. NaN where too few runs tell.
    """
    rows = []
    for point in POINTS:
        own = table[table["point"] == point]
        if own.empty:
            continue
        values = own.pivot(index="id", columns="length_ns", values="log10_S_per_cm")
        for length, part in own.groupby("length_ns"):
            apart = (values[length] - values[values.columns.max()]).dropna().to_numpy()
            bias, low, high = student_mean(apart) if len(apart) else [math.nan] * 3
            mean = float(part["collective_S_per_cm"].mean())
            half = (part["collective_high"] - part["collective_low"]) / 2
            rows.append(
                {
                    "point": point,
                    "length_ns": float(str(length)),
                    "runs": len(part),
                    "scatter": float(part["log10_S_per_cm"].std()),
                    "told": float(np.sqrt((part["log10_error"] ** 2).mean())),
                    "bias": bias,
                    "bias_low": low,
                    "bias_high": high,
                    "bounds": float(part["is_upper_bound"].mean()),
                    "cpu_seconds": float(part["cpu_seconds"].mean()),
                    "collective_S_per_cm": mean,
                    "collective_scatter": float(part["collective_S_per_cm"].std()) / mean,
                    "collective_told": float(half.mean()) / mean,
                }
            )
    return pd.DataFrame(rows)


def _parts(folder: Path, system: BeadSpring, lengths_ns: Sequence[float]) -> Iterator[dict]:
    """First parts of one run; nothing where its production was not finished."""
    stored = sorted(folder.glob("trajectory-*"), key=lambda path: int(path.name.split("-")[1]))
    if not stored:
        return
    whole = Trajectory.open(stored[-1])
    before, production = _cpu_seconds(folder)
    for length in lengths_ns:
        frames = round(1000 * length / whole.time_step_ps)
        if frames > len(whole):
            continue
        part = whole if frames == len(whole) else whole.window(0, frames)
        cost = before + production * frames / len(whole)
        yield {"length_ns": length, "cpu_seconds": round(cost, 3), **_told(system, part)}


def _told(system: BeadSpring, part: Trajectory) -> dict[str, Any]:
    """What a simulation would have told that had ended here."""
    outcome, _, _ = judge(system, part)
    unknown = [name for name in _COLUMNS if name not in (*_KEYS, "cpu_seconds", "code")]
    told: dict[str, Any] = dict.fromkeys(unknown, math.nan)
    told |= {"outcome": str(outcome), "is_upper_bound": outcome is not Outcome.OK}
    if outcome is Outcome.OVERLAP:
        return told
    try:
        lithium = of_lithium(part, system.temperature_K, outcome is not Outcome.OK)
        ions = all_ions(part, system.temperature_K)
        value, error = lithium.log10_S_per_cm, lithium.log10_error
    except ValueError:  # nothing has moved, or too short for its windows of lags
        return told
    collective = [end / 100 for end in ions.collective_S_per_m]
    return told | {
        "log10_S_per_cm": value,
        "log10_error": error,
        "is_upper_bound": lithium.is_upper_bound,
        "nernst_einstein_S_per_cm": ions.nernst_einstein_S_per_m.value / 100,
        "transference_number": ions.nernst_einstein_transference_number.value,
        **dict(zip(_COLLECTIVE, collective, strict=True)),
        "collective_transference_number": ions.transference_number.value,
    }


def _cpu_seconds(folder: Path) -> tuple[float, float]:
    """Of what goes before the production, and of it."""
    spent = {
        path.parent.name: float(json.loads(path.read_text())["cpu_seconds"])
        for path in folder.glob("*/done.json")
    }
    production = sum(cost for name, cost in spent.items() if name.startswith("production"))
    return sum(spent.values()) - production, production


def _read(file: Path) -> pd.DataFrame:
    if not file.exists():
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    for name in table.columns.difference(["point", "outcome", "is_upper_bound", "code"]):
        # Python's own reading of a number gives back what was written, to the last digit.
        table[name] = [float(text) if text else math.nan for text in table[name]]
    table["is_upper_bound"] = table["is_upper_bound"] == "True"
    return table.astype({"id": int, "random_state": int})
