"""The campaigns of the study `polymer-exploration`: made, brought to their goals, found again.

Figure 5-2c of T. Xie's thesis (MIT, 2020): random rows that both arms share, then rows proposed by
local penalisation and as many more random ones, a batch of the one arm after a batch of the other,
so that both see the same machine. Then what luck had no part in choosing: the best row of each arm
again with fresh seeds, a line through the reference, the reference and a slow row with several
seeds, and four salts. Last, the other spaces with shorter simulations.

Hours to days of LAMMPS: it may be killed at any moment, and goes on when it is called again. Files
lie in one folder; those of the simulations beside them are needed for run lengths alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.artefact import writing
from leyden.errors import InputError, LeydenError
from leyden.exploration.campaign import Campaign
from leyden.exploration.campaign_workers import LocalWorkers
from leyden.exploration.evaluators import CONDUCTIVITY, PolymerSimulation
from leyden.exploration.evidence import FAULTS
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.salts import salt_beads, salt_space
from leyden.exploration.search_space import SearchSpace
from leyden.studies.exploration_effort import Effort
from leyden.studies.exploration_rows import best_row, one_surrogate, slow_row

if TYPE_CHECKING:
    from leyden.exploration.surrogate import Surrogate

__all__ = [
    "ALONG",
    "SEED",
    "Crew",
    "Part",
    "Role",
    "bring",
    "line",
    "parts",
    "roles",
    "simulations",
]

SEED = 20261122
ALONG = "anion_radius"
_TIMEOUT_S = 7200.0
_FUTILE = 5
_Rows = Callable[[Campaign, int], pd.DataFrame]
_Choose = Callable[["Surrogate", pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Role:
    """One campaign of the study.

    Attributes
    ----------
    simulation : PolymerSimulation
    name : str
        Ends the name of its file.
    goal : int
        Evaluations it is brought to.
    seed : int
        Of the campaign. A row has the seed that this and its id give: rows of one number in both
        arms, and in the other spaces, have the same, which the rows that they share need and others
        do not mind, as they differ. Repeated simulations of one row have seeds of their own.
    method : str
    space : SearchSpace, optional
        Default: that of the simulation.
    stem : str
        Begins the name of its file; default: the space of the simulation.
    """

    simulation: PolymerSimulation
    name: str
    goal: int
    seed: int = SEED
    method: str = "random"
    space: SearchSpace | None = None
    stem: str = ""

    @property
    def searched(self) -> SearchSpace:
        """The space of its rows."""
        return self.space or self.simulation.search_space()

    def path(self, home: Path) -> Path:
        """Its file."""
        begin = self.stem or self.simulation.space.replace(" ", "-")
        words = (begin, self.simulation.task.replace(" ", ""), self.name)
        return home / ("-".join(word for word in words if word) + ".campaign")

    def opened(self, home: Path) -> Campaign | None:
        """The campaign, if there is one.

        Raises
        ------
        InputError
            The file holds a campaign of another simulation or space.
        """
        path = self.path(home)
        if not path.exists():
            return None
        found = Campaign.open(path)
        if found.evaluator != self.simulation.to_dict() or found.space != self.searched:
            raise InputError("the campaign is one of another simulation", file=path)
        return found

    def made(self, home: Path) -> Campaign:
        """The campaign, new or found again."""
        return self.opened(home) or Campaign.create(
            self.path(home),
            self.searched,
            CONDUCTIVITY,
            method=self.method,
            initial=0,
            random_state=self.seed,
            task=self.simulation.task,
            evaluator=self.simulation.to_dict(),
        )


@dataclass(frozen=True, eq=False)
class Part:
    """A campaign of the study as it stands.

    Attributes
    ----------
    role : Role
    campaign : Campaign or None
        None where it was not begun, or cannot be read.
    fault : str
        Why it cannot be read.
    """

    role: Role
    campaign: Campaign | None
    fault: str = ""

    @property
    def finished(self) -> int:
        """Evaluations that it has."""
        return self.campaign.status().finished if self.campaign else 0

    @property
    def complete(self) -> bool:
        """Whether it has come to its goal."""
        return self.finished >= self.role.goal

    def observations(self) -> pd.DataFrame:
        """What a surrogate learns from; no row where it was not begun."""
        if self.campaign is None:
            name = CONDUCTIVITY.name
            told = [name, f"{name}_error", f"{name}_bound", "outcome", "task"]
            return pd.DataFrame(columns=[*self.role.searched.names, *told])
        return self.campaign.observations()


def roles(effort: Effort) -> dict[str, Role]:
    """All campaigns by name, in the order in which they are brought to their goals."""
    anion, more = effort.anion, effort.shared
    penalised = "local penalisation"
    found = [
        Role(anion, "random", more + effort.random),
        Role(anion, "proposed", more + effort.proposed, method=penalised),
        Role(anion, "replicates-random", effort.replicates, SEED + 1),
        Role(anion, "replicates-proposed", effort.replicates, SEED + 2),
        Role(anion, f"along-{ALONG}", effort.along, SEED + 3),
        Role(anion, "reference", effort.reference, SEED + 4),
        Role(anion, "slow", effort.slow, SEED + 5),
        Role(
            anion,
            "",
            effort.salt_seeds * len(salt_beads()),
            SEED + 6,
            space=salt_space(),
            stem="salts",
        ),
    ]
    by_name = {role.name or role.stem: role for role in found}
    for other in effort.others:
        both = effort.other_shared + effort.other_proposed
        by_name[f"{other.space}: random"] = Role(other, "random", effort.other_shared)
        by_name[f"{other.space}: proposed"] = Role(other, "proposed", both, method=penalised)
    return by_name


def parts(home: Path, effort: Effort) -> dict[str, Part]:
    """All campaigns as they stand, by name; nothing is made or changed.

    A file that is damaged, or holds a campaign of another simulation, is a part with a fault: of
    the others can be told nevertheless.
    """
    found = {}
    for name, role in roles(effort).items():
        try:
            found[name] = Part(role, role.opened(home))
        except LeydenError as error:
            found[name] = Part(role, None, str(error).rstrip("."))
    return found


def simulations(effort: Effort) -> int:
    """How many are simulated in all: rows that two arms share are simulated once."""
    shared = effort.shared + effort.other_shared * len(effort.others)
    return sum(role.goal for role in roles(effort).values()) - shared


def bring(home: Path, effort: Effort, *, workers: int, progress: bool) -> None:
    """Bring all campaigns to their goals; what is there is not evaluated again.

    Raises
    ------
    MissingExtraError
        LAMMPS or botorch is not installed, and something is left to do: nothing is begun then.
    InputError
        A file of another simulation; five simulations have failed one after the other.
    """
    home.mkdir(parents=True, exist_ok=True)
    wanted = roles(effort)
    if not all(part.complete for part in parts(home, effort).values()):
        from leyden.exploration import botorch_parts  # noqa: F401 - hours before it is used
    with Crew(effort.anion, workers, progress) as crew:
        _two_arms(home, wanted["random"], wanted["proposed"], effort, crew)
        for name, rows in _given_rows(home, effort).items():
            _evaluate(wanted[name].made(home), wanted[name].goal, rows, crew)
    for other in effort.others:
        by_chance, proposed = (wanted[f"{other.space}: {arm}"] for arm in ("random", "proposed"))
        with Crew(other, workers, progress) as crew:
            _two_arms(home, by_chance, proposed, effort, crew)
    # A kill between a row and its table leaves the table behind; rows may also be told by hand.
    for role in wanted.values():
        _write_table(role.made(home))


class Crew:
    """Workers of one simulation, which are not started before there is something to do."""

    def __init__(self, simulation: PolymerSimulation, count: int, progress: bool) -> None:
        self.simulation, self.count, self.progress = simulation, count, progress
        self._stack = ExitStack()
        self._workers: LocalWorkers | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def advance(self, campaign: Campaign, goal: int, batch: int | None = None) -> None:
        """Bring a campaign to so many evaluations."""
        if campaign.status().finished >= goal:
            return
        # What is missing is told before processes are started for nothing.
        self.simulation.check(campaign.space, campaign.objectives)
        if self._workers is None:
            workers = LocalWorkers(self.simulation, self.count)
            self._workers = self._stack.enter_context(workers)
        campaign.run(
            self._workers.evaluate,
            evaluations=goal,
            workers=self._workers,
            batch=batch,
            timeout_s=_TIMEOUT_S,
            each=_keep,
            progress=self.progress,
        )


def _write_table(campaign: Campaign) -> pd.DataFrame:
    """The history of a campaign, and the table beside it wherever that is another."""
    history = campaign.history()
    table = history.to_csv(index=False, lineterminator="\n").encode()
    path = campaign.path.with_suffix(".csv")
    if not path.is_file() or path.read_bytes() != table:
        with writing(path) as file:
            file.write(table)
    return history


def _keep(campaign: Campaign) -> None:
    """The table of a campaign, as it is now; ends the work where nothing succeeds any more."""
    history = _write_table(campaign)
    last = history["outcome"].tail(_FUTILE)
    if len(last) == _FUTILE and last.isin(FAULTS).all():
        raise InputError(
            f"the last {_FUTILE} simulations have failed ({history['error'].iloc[-1]})",
            file=campaign.path,
            remedy="mend it; `leyden explore retry` takes them back; then call this again",
        )


def _two_arms(home: Path, random: Role, penalised: Role, effort: Effort, crew: Crew) -> None:
    """Shared rows first, then a batch of the one arm after a batch of the other."""
    own = random.simulation == effort.anion
    shared = effort.shared if own else effort.other_shared
    by_chance, proposed = random.made(home), penalised.made(home)
    crew.advance(by_chance, shared)
    if shared and not proposed.status().finished:
        proposed.tell(by_chance.history().sort_values("id").head(shared))
    goals = ((proposed, penalised.goal), (by_chance, random.goal))
    while True:
        behind = [(c, done, goal) for c, goal in goals if (done := c.status().finished) < goal]
        if not behind:
            return
        for campaign, done, goal in behind:
            crew.advance(campaign, min(done + effort.batch, goal), effort.batch)


def _given_rows(home: Path, effort: Effort) -> Mapping[str, _Rows]:
    """By campaign, what makes the rows (n) that it evaluates; in order."""
    wanted = roles(effort)
    space = effort.anion.search_space()
    reference = pd.DataFrame([polymer_reference(space.names, effort.anion.fixed)])

    def again(choose: _Choose, arm: int) -> _Rows:
        """A row of an arm, n times: that which the campaign has, if it has begun."""

        def rows(campaign: Campaign, n: int) -> pd.DataFrame:
            known = campaign.history()
            if len(known):
                return _times(known.sort_values("id")[space.names].head(1), n)
            tables = [wanted[name].made(home).observations() for name in ("random", "proposed")]
            return _times(choose(one_surrogate(tables, space, SEED), tables[arm]), n)

        return rows

    beads = salt_beads()[salt_space().names]
    return {
        "replicates-random": again(best_row, 0),
        "replicates-proposed": again(best_row, 1),
        f"along-{ALONG}": lambda _, n: line(ALONG, space, n, reference),
        "reference": lambda _, n: _times(reference, n),
        "slow": again(slow_row, 0),
        # Salt by salt in turn, so that more seeds are rows at the end.
        "salts": lambda _, n: _times(beads, n // len(beads)),
    }


def _times(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    return pd.concat([rows] * n, ignore_index=True)


def line(parameter: str, space: SearchSpace, count: int, middle: pd.DataFrame) -> pd.DataFrame:
    """Rows along one parameter, equal steps on its scale, the others as in one row."""
    place = space.names.index(parameter)
    points = np.repeat(space.to_unit(middle), count, axis=0)
    points[:, place] = np.linspace(0.0, 1.0, count)
    rows = pd.concat([middle] * count, ignore_index=True)
    rows[parameter] = space.from_unit(points)[parameter]
    return rows


def _evaluate(campaign: Campaign, goal: int, rows: _Rows, crew: Crew) -> None:
    """Bring a campaign of given rows to its end; they are asked for in one step."""
    status = campaign.status()
    asked = status.finished + status.suggested + status.running
    if asked < goal:
        if asked:  # which row it repeats is known from what has finished
            crew.advance(campaign, asked)
        campaign.ask(rows(campaign, goal).iloc[asked:])
    crew.advance(campaign, goal)
