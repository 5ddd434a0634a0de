"""What a simulation of the polymer tells for its length: first parts of stored runs.

A row a run and length. It is computed where the folders of the runs lie, and kept in a small table
beside the campaigns, from which it is read where they do not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

from leyden.artefact import writing
from leyden.data.trajectory import Trajectory
from leyden.exploration.campaign import Campaign
from leyden.hashing import code_of, content_hash
from leyden.physics.intervals import student_mean
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.polymer_conductivity import BLOCKS, all_ions, of_lithium
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte
from leyden.simulators.polymer_outcome import Outcome, judge
from leyden.studies.exploration_untold import telling

__all__ = ["POINTS", "Lengths", "lengths_of", "summary_of_lengths"]

#: What the points are called, and the campaigns that simulate them several times.
POINTS: Mapping[str, str] = {
    "fast": "replicates-proposed",
    "middle": "reference",
    "slow": "slow",
}
_KEYS = ["point", "id", "random_state", "row", "length_ns"]
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
#: Runs that are told, and only bound the value; of what has ended otherwise there is none.
_BOUNDS = (Outcome.GLASSY, Outcome.PHASE_SEPARATED)
#: Half of a 95 % interval over the standard error; that of a conductivity is one of its logarithm.
_STANDARD_ERRORS = float(student.ppf(0.975, BLOCKS - 1))
#: What judges a run and tells its conductivity: parts that other code has judged are judged anew.
_CODE = (
    *("simulators/polymer_conductivity.py", "simulators/polymer_outcome.py"),
    *("physics/diffusion.py", "physics/intervals.py", "physics/transport.py"),
)


class Lengths(NamedTuple):
    """First parts of runs, and what is to be said of them.

    Attributes
    ----------
    table : DataFrame
        See `lengths_of`.
    warnings : tuple of str
        Folders that cannot be read, parts that other code has judged, parts of other rows.
    """

    table: pd.DataFrame
    warnings: tuple[str, ...] = ()


def lengths_of(
    campaigns: Mapping[str, Campaign | None], file: Path, lengths_ns: Sequence[float]
) -> Lengths:
    """First parts of the runs of campaigns; what can be computed and is not there yet is added.

    Parameters
    ----------
    campaigns : mapping of str to Campaign or None
        By point. Of each finished row, the folder of its run is looked for. Parts in the table of
        what a campaign does not hold are left out.
    file : Path
        The table, read and written (in one step) here.
    lengths_ns : sequence of float
        Ascending; longer ones than a run are left out.

    Returns
    -------
    Lengths
        ``point``, ``id``, ``random_state``, ``row`` (the hash of its parameters), ``length_ns``;
        ``outcome``, ``log10_S_per_cm`` of lithium by Nernst and Einstein with ``log10_error``,
        ``is_upper_bound``; ``cpu_seconds`` of what goes before the production, and of this part of
        it; ``nernst_einstein_S_per_cm`` of all ions and the ``transference_number`` of this kind;
        ``collective_S_per_cm`` with its 95 % interval and
        ``collective_transference_number``; ``code``, of what judged it. Empty where neither table
        nor folders are there.
    """
    known = _read(file)
    code = code_of(*_CODE)[:12]
    present = {point: _rows(one) for point, one in campaigns.items() if one is not None}
    known, strangers = _of_these(known, present)
    kept = set(known.loc[known["code"] == code, _KEYS].itertuples(index=False, name=None))
    added: list[dict[str, Any]] = []
    untold: dict[str, str] = {}
    for point, rows in present.items():
        for own, row in rows.items():
            missing = [length for length in lengths_ns if (point, *own, length) not in kept]
            if not missing or not (row.folder / "run.json").exists():
                continue
            shared = dict(zip(_KEYS, (point, *own), strict=False)) | {"code": code}
            with telling(untold, str(row.folder)):
                system = PolymerElectrolyte.at(**row.parameters).system
                added += [shared | part for part in _parts(row.folder, system, missing)]
    warnings = [f"{folder}: the run cannot be read: {why}" for folder, why in untold.items()]
    table = known
    if added:
        table = pd.DataFrame(added)[_COLUMNS]
        if len(known):
            table = pd.concat([known, table]).drop_duplicates(_KEYS, keep="last")
        table = table.sort_values(_KEYS, ignore_index=True)
        with writing(file) as stream:
            stream.write(table.to_csv(index=False, lineterminator="\n").encode())
    if strangers:
        warnings.append(f"{file}: {strangers} parts are of rows that the campaigns do not hold")
    if older := int((table["code"] != code).sum()):
        warnings.append(
            f"{file}: {older} of {len(table)} parts were judged by other code than today's, and "
            "the folders of their runs are not there"
        )
    return Lengths(table, tuple(warnings))


class _Row(NamedTuple):
    """A finished row of a campaign: where its run lies, and of what it is."""

    folder: Path
    parameters: dict[str, Any]


def _rows(campaign: Campaign) -> dict[tuple[Any, ...], _Row]:
    """By id, seed and hash of the parameters: seeds come again where a campaign is made anew."""
    fixed = dict((campaign.evaluator or {}).get("fixed", {}))
    found = {}
    for row in campaign.history().sort_values("id").to_dict("records"):
        parameters = {name: float(row[name]) for name in campaign.space.names}
        key = (row["id"], row["random_state"], content_hash(parameters)[:12])
        folder = campaign.runs / f"{row['id']:04d}" / "run"
        found[key] = _Row(folder, {**fixed, **parameters})
    return found


def _of_these(
    known: pd.DataFrame, present: Mapping[str, Mapping[tuple[Any, ...], _Row]]
) -> tuple[pd.DataFrame, int]:
    """Parts of rows that the campaigns hold, and how many others there are."""
    own = known[["id", "random_state", "row"]].itertuples(index=False, name=None)
    pairs = zip(known["point"], own, strict=True)
    kept = [point not in present or key in present[point] for point, key in pairs]
    return known[np.array(kept, dtype=bool)], len(kept) - sum(kept)


def summary_of_lengths(table: pd.DataFrame) -> pd.DataFrame:
    """By point and length, what a run tells and what it costs.

    Returns
    -------
    DataFrame
        ``point``, ``length_ns``, ``runs``; relative standard errors of one run: ``scatter`` of the
        conductivity of lithium between seeds and ``told``, the root mean square of what runs know
        of themselves; ``bias`` of log10 against the longest part of the same runs with ``bias_low``
        and ``bias_high`` (95 %, Student's t over seeds); ``bounds``, the share of upper bounds;
        ``cpu_seconds``; ``all_ions_scatter``, as ``scatter``, of all ions by Nernst and Einstein;
        ``collective_S_per_cm``, mean over seeds, with ``collective_scatter`` and
        ``collective_told``, which are relative standard errors too. NaN where too few runs tell.
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
            alone, together = part["nernst_einstein_S_per_cm"], part["collective_S_per_cm"]
            ends = part[["collective_low", "collective_high"]].map(math.log)
            rows.append(
                {
                    "point": point,
                    "length_ns": float(str(length)),
                    "runs": len(part),
                    "scatter": math.log(10) * float(part["log10_S_per_cm"].std()),
                    "told": math.log(10) * _root_mean_square(part["log10_error"]),
                    "bias": bias,
                    "bias_low": low,
                    "bias_high": high,
                    "bounds": float(part["is_upper_bound"].mean()),
                    "cpu_seconds": float(part["cpu_seconds"].mean()),
                    "all_ions_scatter": float(alone.std() / alone.mean()),
                    "collective_S_per_cm": float(together.mean()),
                    "collective_scatter": float(together.std() / together.mean()),
                    "collective_told": _root_mean_square(
                        (ends["collective_high"] - ends["collective_low"]) / 2 / _STANDARD_ERRORS
                    ),
                }
            )
    return pd.DataFrame(rows)


def _root_mean_square(values: pd.Series) -> float:
    return float(np.sqrt((values**2).mean()))


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
    told |= {"outcome": str(outcome), "is_upper_bound": outcome in _BOUNDS}
    if outcome is Outcome.OVERLAP:
        return told
    try:
        lithium = of_lithium(part, system.temperature_K, outcome in _BOUNDS)
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
    for name in table.columns.difference(["point", "row", "outcome", "is_upper_bound", "code"]):
        # Python's own reading of a number gives back what was written, to the last digit.
        table[name] = [float(text) if text else math.nan for text in table[name]]
    table["is_upper_bound"] = table["is_upper_bound"] == "True"
    return table.astype({"id": int, "random_state": int})
