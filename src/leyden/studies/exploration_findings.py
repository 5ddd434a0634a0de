"""What the study `polymer-exploration` found, from its campaigns as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.evaluators import CONDUCTIVITY, PolymerSimulation
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.progress import progress_bar
from leyden.physics.intervals import Estimate
from leyden.studies.campaign_kills import Kills, measured_once
from leyden.studies.exploration_arms import (
    Gain,
    Reference,
    gain_of,
    progress_of,
    reference_of,
)
from leyden.studies.exploration_campaigns import ALONG, SEED, Part
from leyden.studies.exploration_effort import Effort
from leyden.studies.exploration_lengths import POINTS, lengths_of
from leyden.studies.exploration_replays import Replays, replayed
from leyden.studies.exploration_rows import all_rows, best_row, one_surrogate
from leyden.studies.exploration_salts import SimulatedSalts, simulated_salts
from leyden.studies.exploration_untold import telling

if TYPE_CHECKING:
    from leyden.exploration.analysis import ExplorationAnalysis
    from leyden.exploration.held_out import HeldOut
    from leyden.exploration.landscapes import Cut
    from leyden.exploration.salts import SaltComparison
    from leyden.exploration.surrogate import Surrogate

__all__ = ["Anions", "Findings", "HeldAlong", "Space", "find"]

RANDOM, PROPOSED = "random search", "Bayesian optimisation"


@dataclass(frozen=True, eq=False)
class HeldAlong:
    """Simulations along one parameter that no surrogate has learned from.

    Attributes
    ----------
    cut : Cut
        Its band is of the result of a new simulation.
    held : HeldOut
        Its intervals are that band: they know nothing of a row but its parameters.
    values : ndarray, shape (n,)
        Of the parameter.
    """

    cut: Cut
    held: HeldOut
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Anions:
    """What the surrogate of both arms of the anion space says.

    Attributes
    ----------
    surrogate : Surrogate
    analysis : ExplorationAnalysis
    progress, judged : DataFrame
        The best so far, by values and as the surrogate judges rows; see
        `leyden.studies.exploration_arms.progress_of`.
    best : DataFrame
        Of each arm the row that was simulated again; before that, the measured row of which most
        is expected.
    along : HeldAlong or None
    salts : SaltComparison or None
        What it expects of the four salts, inside the bounds of the space.
    decoded : DataFrame or None
        The catalogue's anions, best first; None where they were not ranked.
    """

    surrogate: Surrogate
    analysis: ExplorationAnalysis
    progress: pd.DataFrame
    judged: pd.DataFrame
    best: pd.DataFrame
    along: HeldAlong | None
    salts: SaltComparison | None
    decoded: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class Space:
    """One of the other spaces.

    Attributes
    ----------
    name : str
    progress : DataFrame
    analysis : ExplorationAnalysis
    best : DataFrame
        The measured row of which most is expected.
    gain : Estimate
        What is expected of it over the best of the shared random rows, log10.
    """

    name: str
    progress: pd.DataFrame
    analysis: ExplorationAnalysis
    best: pd.DataFrame
    gain: Estimate


@dataclass(frozen=True, eq=False)
class Findings:
    """All that report and claims tell; what cannot be told yet is None or empty.

    Attributes
    ----------
    effort : Effort
    parts : mapping of str to Part
    reference : Reference or None
    lengths : DataFrame
    gain : Gain or None
        Of complete replicates.
    overhead : mapping of str to (float, float)
        By arm, processor seconds of its campaign and of its own evaluations.
    anions : Anions or None
    replays : Replays or None
    spaces : tuple of Space
    salts : SimulatedSalts or None
    kills : Kills or None
    untold : mapping of str to str
        By part, why nothing is told of it.
    notes : tuple of str
        What is to be said of parts that are told.
    """

    effort: Effort
    parts: Mapping[str, Part]
    reference: Reference | None = None
    lengths: pd.DataFrame = field(default_factory=pd.DataFrame)
    gain: Gain | None = None
    overhead: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    anions: Anions | None = None
    replays: Replays | None = None
    spaces: tuple[Space, ...] = ()
    salts: SimulatedSalts | None = None
    kills: Kills | None = None
    untold: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What a reader has to know beside what is told."""
        untold = [f"nothing is told of {what}: {why}" for what, why in self.untold.items()]
        return [*untold, *self.notes]


def find(
    parts: Mapping[str, Part],
    effort: Effort,
    home: Path,
    out: Path,
    *,
    workers: int,
    progress: bool = False,
) -> Findings:
    """Everything that the campaigns tell as they stand; of what cannot be told, why.

    What takes minutes by itself (replays, kills, MOPAC) waits until both arms of the anion
    space have come to their goals: before, it would have to be done again.

    Parameters
    ----------
    parts : mapping of str to Part
    effort : Effort
    home : Path
        Of the campaigns; the table of run lengths is kept there.
    out : Path
        Where replays, kills and results of MOPAC are kept.
    workers : int
        Processes for MOPAC.
    progress : bool
        Whether to draw bars, if standard error is a terminal.
    """
    untold = {part.role.path(home).name: part.fault for part in parts.values() if part.fault}
    notes: list[str] = []
    told = _of_rows(parts, effort, home, untold, notes)
    both = [parts[name] for name in ("random", "proposed")]
    with telling(untold, "the anion space"):
        if any(part.finished for part in both):
            told["anions"] = _anions(parts, effort, untold, notes)
    spaces = []
    for other in effort.others:
        with telling(untold, f"the space {other.space}"):
            spaces.append(_space(other, parts, effort))
    told["spaces"] = tuple(one for one in spaces if one)
    if not all(part.complete for part in both):
        return Findings(effort, parts, **told, untold=untold, notes=tuple(notes))
    rows = all_rows([part.observations() for part in both], both[0].role.searched)
    anions = told.get("anions")
    with telling(untold, "the catalogue's anions"):
        if effort.decode and anions is not None:
            ranked = _decoded(anions.surrogate, rows, out / "mopac", workers, progress)
            told["anions"] = replace(anions, decoded=ranked)
    with telling(untold, "replays"):
        space = both[0].role.searched
        told["replays"] = replayed(space, rows, effort, out / "replays", progress=progress)
    with telling(untold, "kills"):
        if effort.kills:
            asked = effort.kills, effort.kill_evaluations
            told["kills"] = measured_once(out, *asked, progress=progress)
    return Findings(effort, parts, **told, untold=untold, notes=tuple(notes))


def _of_rows(
    parts: Mapping[str, Part],
    effort: Effort,
    home: Path,
    untold: dict[str, str],
    notes: list[str],
) -> dict[str, Any]:
    """What rows tell without a surrogate."""
    told: dict[str, Any] = {}
    with telling(untold, "the reference"):
        told["reference"] = reference_of(_history(parts["reference"]))
    with telling(untold, "run lengths"):
        points = {point: parts[name].campaign for point, name in POINTS.items()}
        stem = parts["reference"].role.path(home).stem.removesuffix("-reference")
        lengths = lengths_of(points, home / f"{stem}-lengths.csv", effort.lengths_ns)
        told["lengths"] = lengths.table
        notes += lengths.warnings
    with telling(untold, "the gain"):
        told["gain"] = _gain([parts[f"replicates-{arm}"] for arm in ("proposed", "random")])
    with telling(untold, "the overhead"):
        told["overhead"] = _overhead([parts[name] for name in ("random", "proposed")])
    with telling(untold, "salts"):
        told["salts"] = simulated_salts(_history(parts["salts"]))
        notes += told["salts"].warnings if told["salts"] else ()
    return told


def _history(part: Part) -> pd.DataFrame:
    if part.campaign is None:
        return part.observations().assign(id=[], cpu_seconds=[])
    return part.campaign.history()


def _gain(replicates: Sequence[Part]) -> Gain | None:
    """Of the optimisation over random search, once both have all of their replicates.

    Raises
    ------
    InputError
        A campaign has simulated several rows, whose mean is that of none.
    """
    if not all(part.complete for part in replicates):
        return None
    tables = [_history(part) for part in replicates]
    for part, table in zip(replicates, tables, strict=True):
        if len(table[part.role.searched.names].drop_duplicates()) > 1:
            raise InputError("replicates are of one row", file=part.role.path(Path()))
    return gain_of(*tables)


def _overhead(arms: Sequence[Part]) -> dict[str, tuple[float, float]]:
    stand = {part.role.name: part.campaign.status() for part in arms if part.campaign}
    return {
        name: (one.driver_cpu_seconds, one.evaluation_cpu_seconds)
        for name, one in stand.items()
        if one.evaluation_cpu_seconds
    }


def _anions(
    parts: Mapping[str, Part], effort: Effort, untold: dict[str, str], notes: list[str]
) -> Anions:
    from leyden.exploration.analysis import analyse
    from leyden.exploration.salts import compare_salts

    tables = {name: parts[name].observations() for name in ("random", "proposed")}
    space = parts["random"].role.searched
    rows = all_rows(list(tables.values()), space)
    surrogate = one_surrogate(list(tables.values()), space, SEED)
    reference = polymer_reference(space.names, effort.anion.fixed)
    names = {"random": RANDOM, "proposed": PROPOSED}
    arms = [(names[arm], table) for arm, table in tables.items() if len(table)]
    best = []
    for arm, table in tables.items():
        if len(table):
            with telling(untold, f"the best row of {names[arm]}"):
                row = _replicated(parts[f"replicates-{arm}"], best_row(surrogate, table), notes)
                best.append(row.join(surrogate.predict(row)).assign(arm=names[arm]))
    along = salts = None
    with telling(untold, f"simulations along {ALONG}"):
        along = _along(parts[f"along-{ALONG}"], surrogate, reference)
    with telling(untold, "salts by the surrogate"):
        salts = compare_salts(surrogate, rows, draws=effort.draws)
    return Anions(
        surrogate,
        analyse(surrogate, rows, reference=reference, folds=effort.folds),
        progress_of(arms, effort.shared),
        progress_of(arms, effort.shared, surrogate),
        pd.concat(best) if best else pd.DataFrame(),
        along,
        salts,
        None,
    )


def _replicated(again: Part, today: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """What a campaign of replicates has simulated; before it has begun, the best row of today."""
    names = again.role.searched.names
    rows = again.observations()[names].drop_duplicates()
    if rows.empty:
        return today
    rows = rows.astype(float)
    if len(rows) > 1 or not np.allclose(rows, today, rtol=1e-9, atol=0.0):
        notes.append(
            f"{again.role.path(Path()).stem} has simulated another row again than the one of which "
            "most is expected now"
        )
    return rows


def _along(part: Part, surrogate: Surrogate, reference: Mapping[str, float]) -> HeldAlong | None:
    from leyden.exploration.held_out import against
    from leyden.exploration.landscapes import cut

    rows = part.observations()
    if not rows[CONDUCTIVITY.name].notna().any():
        return None
    held = against(surrogate, rows, own_errors=False)
    middle = pd.DataFrame([reference])
    through = cut(surrogate, middle, ALONG, best=0.0)
    line = pd.concat([middle] * len(through.table), ignore_index=True)
    line[ALONG] = through.table["value"].to_numpy()
    band = surrogate.predict(line, noise=True)
    ends = {name: band[name].to_numpy() for name in ("std", "low", "high")}
    return HeldAlong(
        replace(through, table=through.table.assign(**ends)),
        held,
        rows.loc[held.table.index, ALONG].to_numpy(float),
    )


def _decoded(
    surrogate: Surrogate, rows: pd.DataFrame, shelf: Path, workers: int, progress: bool
) -> pd.DataFrame:
    """The catalogue's anions, ranked.

    Raises
    ------
    LeydenError
        MOPAC, or a set of the data home, is not there.
    """
    from leyden.exploration.anion_parameters import anion_descriptors
    from leyden.exploration.decoding import catalogue_anions, rank_anions

    known = catalogue_anions()
    with progress_bar(f"{len(known)} anions by MOPAC", None, progress):
        told = anion_descriptors(known["smiles"].tolist(), shelf, n_jobs=workers)
    return rank_anions(surrogate, known.join(told.drop(columns=["smiles", "inchikey"])), rows)


def _space(other: PolymerSimulation, parts: Mapping[str, Part], effort: Effort) -> Space | None:
    from leyden.exploration.analysis import analyse, expected_gain

    drawn, proposed = (parts[f"{other.space}: {arm}"] for arm in ("random", "proposed"))
    space = drawn.role.searched
    tables = [drawn.observations(), proposed.observations()]
    if not any(map(len, tables)):
        return None
    surrogate = one_surrogate(tables, space, SEED)
    rows = all_rows(tables, space)
    first, best = (best_row(surrogate, table) for table in (tables[0], rows))
    reference = polymer_reference(space.names, other.fixed)
    arms = [("random rows", tables[0]), (PROPOSED, tables[1])]
    return Space(
        other.space,
        progress_of([arm for arm in arms if len(arm[1])], effort.other_shared),
        analyse(surrogate, rows, reference=reference, folds=effort.folds),
        best.join(surrogate.predict(best)),
        Estimate(*expected_gain(surrogate, first, best)),
    )
