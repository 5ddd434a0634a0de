"""What the study `polymer-exploration` found, from its campaigns as they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.errors import InputError, LeydenError, MissingExtraError
from leyden.exploration.evaluators import CONDUCTIVITY, PolymerSimulation
from leyden.exploration.polymer_reference import polymer_reference
from leyden.physics.intervals import Estimate
from leyden.studies.campaign_kills import Kills, measured_once
from leyden.studies.exploration_arms import (
    Coverage,
    Gain,
    Reference,
    coverage_of,
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
    values : ndarray, shape (n,)
        Of the parameter.
    coverage : Coverage
    """

    cut: Cut
    held: HeldOut
    values: np.ndarray
    coverage: Coverage


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
        A row an arm: the measured row of which most is expected.
    along : HeldAlong or None
    salts : SaltComparison
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
    salts: SaltComparison
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
    overhead : (float, float) or None
        Processor seconds of both arms' campaigns, and of their evaluations.
    anions : Anions or None
    replays : Replays or None
    spaces : tuple of Space
    salts : SimulatedSalts or None
    kills : Kills or None
    warnings : tuple of str
    """

    effort: Effort
    parts: Mapping[str, Part]
    reference: Reference | None = None
    lengths: pd.DataFrame = field(default_factory=pd.DataFrame)
    gain: Gain | None = None
    overhead: tuple[float, float] | None = None
    anions: Anions | None = None
    replays: Replays | None = None
    spaces: tuple[Space, ...] = ()
    salts: SimulatedSalts | None = None
    kills: Kills | None = None
    warnings: tuple[str, ...] = ()


def find(
    parts: Mapping[str, Part], effort: Effort, home: Path, out: Path, *, workers: int
) -> Findings:
    """Everything that the campaigns tell as they stand.

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
    """
    warnings: list[str] = []
    points = {point: parts[name].campaign for point, name in POINTS.items()}
    stem = parts["reference"].role.path(home).stem.removesuffix("-reference")
    both = [parts[name] for name in ("random", "proposed")]
    told = Findings(
        effort,
        parts,
        reference=reference_of(_history(parts["reference"])),
        lengths=lengths_of(points, home / f"{stem}-lengths.csv", effort.lengths_ns),
        gain=gain_of(*(_history(parts[f"replicates-{arm}"]) for arm in ("proposed", "random"))),
        overhead=_overhead(both),
        salts=simulated_salts(_history(parts["salts"])),
    )
    with _telling(warnings, "the anion space"):
        if any(part.finished for part in both):
            told = replace(told, anions=_anions(parts, effort, out, warnings, workers))
    with _telling(warnings, "replays of the anion space"):
        if all(part.complete for part in both):
            space = both[0].role.searched
            rows = all_rows([part.observations() for part in both], space)
            told = replace(told, replays=replayed(space, rows, effort, out / "replays"))
    spaces = []
    for other in effort.others:
        with _telling(warnings, f"the space {other.space}"):
            spaces.append(_space(other, parts, effort))
    return replace(
        told,
        spaces=tuple(one for one in spaces if one),
        kills=measured_once(out, effort.kills, effort.kill_evaluations) if effort.kills else None,
        warnings=tuple(warnings),
    )


@contextmanager
def _telling(warnings: list[str], what: str) -> Iterator[None]:
    """What is too little to learn from, or needs what is not installed, becomes a warning."""
    try:
        yield
    except (InputError, MissingExtraError) as error:
        warnings.append(f"nothing is told of {what}: {error}")


def _history(part: Part) -> pd.DataFrame:
    if part.campaign is None:
        return part.observations().assign(id=[], cpu_seconds=[])
    return part.campaign.history()


def _overhead(arms: list[Part]) -> tuple[float, float] | None:
    stand = [part.campaign.status() for part in arms if part.campaign]
    spent = sum(one.evaluation_cpu_seconds for one in stand)
    if not spent:
        return None
    return sum(one.driver_cpu_seconds for one in stand), spent


def _anions(
    parts: Mapping[str, Part], effort: Effort, out: Path, warnings: list[str], workers: int
) -> Anions:
    from leyden.exploration.analysis import analyse
    from leyden.exploration.salts import compare_salts

    tables = [parts[name].observations() for name in ("random", "proposed")]
    space = parts["random"].role.searched
    rows = all_rows(tables, space)
    surrogate = one_surrogate(tables, space, SEED)
    reference = polymer_reference(space.names, effort.anion.fixed)
    arms = [(RANDOM, tables[0]), (PROPOSED, tables[1])]
    arms = [arm for arm in arms if len(arm[1])]
    best = [best_row(surrogate, table).assign(arm=name) for name, table in arms]
    return Anions(
        surrogate,
        analyse(surrogate, rows, reference=reference, folds=effort.folds),
        progress_of(arms, effort.shared),
        progress_of(arms, effort.shared, surrogate),
        pd.concat([row.join(surrogate.predict(row[space.names])) for row in best]),
        _along(parts[f"along-{ALONG}"], surrogate, reference),
        compare_salts(surrogate, rows, draws=effort.draws),
        _decoded(surrogate, rows, out / "mopac", warnings, workers) if effort.decode else None,
    )


def _along(part: Part, surrogate: Surrogate, reference: Mapping[str, float]) -> HeldAlong | None:
    from leyden.exploration.held_out import against
    from leyden.exploration.landscapes import cut

    rows = part.observations()
    if not rows[CONDUCTIVITY.name].notna().any():
        return None
    held = against(surrogate, rows)
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
        coverage_of(held),
    )


def _decoded(
    surrogate: Surrogate, rows: pd.DataFrame, shelf: Path, warnings: list[str], workers: int
) -> pd.DataFrame | None:
    """The catalogue's anions, ranked; None where MOPAC or the catalogue is not at hand."""
    from leyden.exploration.anion_parameters import anion_descriptors
    from leyden.exploration.decoding import catalogue_anions, rank_anions

    try:
        known = catalogue_anions()
        told = anion_descriptors(known["smiles"].tolist(), shelf, n_jobs=workers)
        anions = known.join(told.drop(columns=["smiles", "inchikey"]))
        return rank_anions(surrogate, anions, rows)
    except LeydenError as error:  # MOPAC, or a set of the data home, is missing
        warnings.append(f"the catalogue's anions are not ranked: {error}")
        return None


def _space(other: PolymerSimulation, parts: Mapping[str, Part], effort: Effort) -> Space | None:
    from leyden.exploration.analysis import analyse, expected_gain

    drawn, proposed = (parts[f"{other.space}: {arm}"] for arm in ("random", "proposed"))
    space = drawn.role.searched
    tables = [drawn.observations(), proposed.observations()]
    if not any(map(len, tables)):
        return None
    surrogate = one_surrogate(tables, space, SEED)
    first, best = (best_row(surrogate, rows) for rows in (tables[0], all_rows(tables, space)))
    reference = polymer_reference(space.names, other.fixed)
    rows = all_rows(tables, space)
    arms = [("random rows", tables[0]), (PROPOSED, tables[1])]
    return Space(
        other.space,
        progress_of([arm for arm in arms if len(arm[1])], effort.other_shared),
        analyse(surrogate, rows, reference=reference, folds=effort.folds),
        best.join(surrogate.predict(best)),
        Estimate(*expected_gain(surrogate, first, best)),
    )
