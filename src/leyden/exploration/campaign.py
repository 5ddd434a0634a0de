"""A campaign: proposes what to try next, takes results, and survives whatever stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from leyden.data.columns import find_column
from leyden.errors import InputError
from leyden.exploration.campaign_beginning import check_settings, prior_rows
from leyden.exploration.campaign_rows import history_of, observations_of
from leyden.exploration.campaign_status import CampaignStatus, status_of
from leyden.exploration.campaign_store import CampaignStore
from leyden.exploration.next_rows import next_rows, seed_of
from leyden.exploration.retrying import give_again
from leyden.exploration.search_space import Objective, SearchSpace
from leyden.exploration.telling import Told, accept
from leyden.exploration.told_rows import parameters_of, read_results, told_rows

if TYPE_CHECKING:
    from leyden.exploration.campaign_workers import Executes, LocalWorkers
    from leyden.exploration.trial import Evaluate

__all__ = ["Campaign", "Told"]


class Campaign:
    """The rows of an exploration, in one file; made by `create`, found again by `open`.

    Any number of processes may look at it, ask it for rows and tell it results at the same time;
    one of them may `run` it.

    Attributes
    ----------
    path : Path
    space : SearchSpace
    objectives : tuple of Objective
    method : str
    initial : int
    random_state : int
    task : str
        Label of its own rows among those of other tasks, such as ``2 ns``.
    evaluator : dict or None
        Description of what `run` evaluates with, if it is given nothing else.
    """

    def __init__(self, store: CampaignStore) -> None:
        self._store = store
        self.path = store.path
        with store.reading() as step:
            facts = step.facts()
        self.space = SearchSpace.from_dict(facts["space"])
        self.objectives = tuple(Objective(**given) for given in facts["objectives"])
        self.method: str = facts["method"]
        self.initial: int = facts["initial"]
        self.random_state: int = facts["random_state"]
        self.task: str = facts["task"]
        self.evaluator: dict[str, Any] | None = facts["evaluator"]

    @classmethod
    def create(
        cls,
        path: str | Path,
        space: SearchSpace,
        objectives: Objective | Sequence[Objective],
        *,
        method: str = "local penalisation",
        initial: int = 20,
        random_state: int = 0,
        task: str = "",
        prior: Campaign | pd.DataFrame | None = None,
        evaluator: Mapping[str, Any] | None = None,
    ) -> Campaign:
        """A new campaign.

        Parameters
        ----------
        path : path
            Its file; evaluations get a folder each beside it, in ``NAME-runs``.
        space : SearchSpace
        objectives : Objective or sequence of Objective
        method : str
            How rows are proposed: ``random``, ``sobol``, ``expected improvement``, ``noisy expected
            improvement``, ``local penalisation``, ``joint batch``; ``hypervolume`` of several
            objectives.
        initial : int
            Rows drawn at random before any is proposed: the first of
            ``space.random(initial, random_state)``, fewer by the different ones that a user
            told or asked for and that were neither withdrawn nor failed for want of a machine.
        random_state : int
        task : str
        prior : Campaign or DataFrame, optional
            What is known from elsewhere, as another task: rows as `tell` takes them, under the
            label in their column ``task``, else ``prior``; of a campaign, its task, or the name of
            its file where that is the same.
        evaluator : mapping, optional
            As of `leyden.exploration.evaluators.evaluator_from_dict`.

        Raises
        ------
        InputError
            There is a file, or a folder of evaluations; no or twice the same objective; an unknown
            method; bad prior rows.
        """
        path = Path(path)
        objectives = (objectives,) if isinstance(objectives, Objective) else tuple(objectives)
        check_settings(space, objectives, method, initial, random_state)
        runs = _runs_of(path)
        if runs.is_dir() and any(runs.iterdir()):
            raise InputError(
                "the folder holds the evaluations of another campaign",
                file=runs,
                remedy="move it away, or choose another name",
            )
        before = None if prior is None else prior_rows(prior, task)
        told = [] if before is None else told_rows(before, space, objectives, task=task)
        store = CampaignStore.create(
            path,
            {
                "space": space.to_dict(),
                "objectives": [asdict(objective) for objective in objectives],
                "method": method,
                "initial": initial,
                "random_state": random_state,
                "task": task,
                "evaluator": None if evaluator is None else dict(evaluator),
            },
            lambda step: accept(step, told, space, random_state, replicate=True),
        )
        return cls(store)

    @classmethod
    def open(cls, path: str | Path) -> Campaign:
        """A campaign that was made before.

        Raises
        ------
        InputError
            There is no such file.
        ArtefactError
            The file is damaged, no campaign, or of a newer Leyden.
        """
        return cls(CampaignStore(Path(path)))

    @property
    def runs(self) -> Path:
        """The folder in which each evaluation has its own."""
        return _runs_of(self.path)

    def suggest(self, n: int = 1, *, asked_by: str = "hand") -> pd.DataFrame:
        """The next rows to evaluate: ``id`` and the parameters; kept as suggested.

        What a person asks for is pending until it is told, or told to be ``withdrawn``; a driver
        leaves it alone.

        Raises
        ------
        InputError
            `n` is not positive.
        MissingExtraError
            The extra ``bo`` is not installed, and the method needs it.
        """
        if n < 1:
            raise InputError("suggestions are one at least", value=n)
        began = time.perf_counter(), time.process_time()
        while True:
            with self._store.reading() as step:
                known, first = step.rows(), step.next_id()
            chosen = next_rows(
                known, n, self.space, self.objectives, self.method, self.initial, self.random_state
            )
            with self._store.writing() as step:
                if step.next_id() != first:  # another process was faster: choose anew
                    continue
                for place, (method, parameters) in enumerate(chosen):
                    step.insert(
                        id=first + place,
                        method=method,
                        parameters=parameters,
                        random_state=seed_of(self.random_state, first + place),
                        state="suggested",
                        asked_by=asked_by,
                    )
                seconds = time.perf_counter() - began[0], time.process_time() - began[1]
                step.spend("proposals", *seconds)
            rows = [{"id": first + k, **parameters} for k, (_, parameters) in enumerate(chosen)]
            return pd.DataFrame(rows, columns=["id", *self.space.names])

    def ask(self, rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """Rows of one's own choice for a driver to evaluate, before any that it would propose.

        Each is a new row with a seed of its own, also where there is one with these parameters: so
        the best is evaluated again. They count among the evaluations of `run`.

        Parameters
        ----------
        rows : DataFrame or sequence of mappings
            With the parameters; other columns are not looked at.

        Returns
        -------
        DataFrame
            ``id`` and the parameters.

        Raises
        ------
        InputError
            A parameter is missing, or out of bounds.
        """
        table = pd.DataFrame(rows).reset_index(drop=True)
        for name in self.space.names:
            find_column(name, table.columns, None)
        asked = []
        with self._store.writing() as step:
            for row, parameters in enumerate(parameters_of(table, self.space), start=1):
                if parameters is None:
                    raise InputError("a row has all parameters", row=row)
                id = step.next_id()
                step.insert(
                    id=id,
                    method="given",
                    parameters=parameters,
                    random_state=seed_of(self.random_state, id),
                    state="suggested",
                    asked_by="driver",
                )
                asked.append({"id": id, **parameters})
        return pd.DataFrame(asked, columns=["id", *self.space.names])

    def retry(self, ids: Sequence[int] | None = None) -> list[int]:
        """Take the answers of rows back, so that they are evaluated again; returns their ids.

        The former answer stays in the details of the row, in the list ``earlier``. Parameters and
        seed are as they were, and what an evaluation has left in its folder is still there. What
        was asked for by hand waits to be told by hand.

        Parameters
        ----------
        ids : sequence of int, optional
            Default: the campaign's own rows whose outcome is one of
            `leyden.exploration.evidence.FAULTS`, such as ``crashed``.

        Raises
        ------
        InputError
            No such row, one of another task, or one that is not finished.
        """
        with self._store.writing() as step:
            return give_again(step, ids, self.runs)

    def tell(
        self,
        rows: pd.DataFrame | Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | Path,
        *,
        replicate: bool = False,
    ) -> Told:
        """Take results, all or none of them.

        Parameters
        ----------
        rows : DataFrame, mapping, sequence of mappings, or path of a CSV file
            With the ``id`` of a suggestion, or with the parameters of an experiment of one's own;
            and for each objective ``NAME``, if known ``NAME_error`` (standard error) and
            ``NAME_bound`` (``above`` or ``below``, where the true value lies beyond the one told).
            ``outcome`` (default ``ok``) says why there is no value; ``withdrawn`` that there will
            be none. ``task`` is the label of what stems from elsewhere. The columns of `history`
            are taken too. In a file, rows without a value and an outcome wait for another time.
        replicate : bool
            Whether another value for a known row is a second measurement, which gets a new row.

        Raises
        ------
        InputError
            A bad row, or another value for a row that has one; names file and row.
        """
        file, waiting = None, 0
        if isinstance(rows, str | Path):
            file = Path(rows)
            rows, waiting = read_results(file, self.objectives)
            if waiting and not len(rows):
                return Told(0, 0, waiting)
        else:
            rows = pd.DataFrame([rows] if isinstance(rows, Mapping) else rows)
            rows = rows.reset_index(drop=True)
        told = told_rows(rows, self.space, self.objectives, task=self.task, file=file)
        with self._store.writing() as step:
            new = accept(step, told, self.space, self.random_state, replicate, file=file)
        return Told(new, len(told) - new, waiting)

    def status(self) -> CampaignStatus:
        """How it stands."""
        with self._store.reading() as step:
            rows, spent = step.rows(), step.spent()
        return status_of(self.path, rows, spent, self.space, self.objectives, self.task)

    def history(self) -> pd.DataFrame:
        """All evaluations in the order in which they finished, with the best so far.

        Returns
        -------
        DataFrame
            ``id``, ``task``, ``method`` (how the row was chosen), the parameters; of each objective
            ``NAME``, ``NAME_error``, ``NAME_bound`` and ``NAME_best_so_far`` (among measured values
            of the campaign's own task); ``outcome``, ``error``, ``random_state``, ``seconds``,
            ``cpu_seconds`` and ``details`` (JSON). Told to a new campaign, it is the same again.
        """
        with self._store.reading() as step:
            rows = step.rows("finished")
        return history_of(rows, self.space, self.objectives, self.task)

    def observations(self) -> pd.DataFrame:
        """What a `leyden.exploration.surrogate.Surrogate` learns from."""
        with self._store.reading() as step:
            rows = step.rows("finished")
        return observations_of(rows, self.space, self.objectives)

    def run(
        self,
        evaluate: Evaluate | None = None,
        *,
        evaluations: int,
        workers: int | LocalWorkers = 2,
        batch: int | None = None,
        timeout_s: float | None = None,
        executor: Executes | None = None,
        attempts: int = 3,
        each: Callable[[Campaign], object] | None = None,
        progress: bool = True,
    ) -> CampaignStatus:
        """Evaluate until the campaign has so many finished rows of its own task.

        May be stopped or killed at any moment, and so may its workers: called again, it goes on
        where it was. What was evaluated is not evaluated again. An OSError, a MemoryError or a
        LeydenError of the evaluation ends the run, and its row waits; so do five failures (see
        `leyden.exploration.evidence.FAULTS`) one after the other, which `retry` takes back.

        Parameters
        ----------
        evaluate : callable, optional
            Takes a `leyden.exploration.trial.Trial`, answers with the objective or a mapping; see
            `leyden.exploration.trial.Evaluate`. Workers are processes, so it must be a function of
            a module or file, and a script needs ``if __name__ == "__main__":``. Default: what the
            campaign was made with.
        evaluations : int
            In all, those of earlier calls and those told by hand among them.
        workers : int or LocalWorkers
            Evaluations at a time; or workers that several runs share, since a start takes a second
            or two: ``with LocalWorkers(evaluate, 2) as workers``.
        batch : int, optional
            Propose so many at once, and the next when all of them are finished. Default: propose
            one whenever a worker is free, with regard to those at work.
        timeout_s : float, optional
            Of one evaluation; the outcome is then ``timed out``.
        executor : Executor or dask.distributed.Client, optional
            Evaluates instead of local processes. Its workers must see the folder of the campaign;
            what does not return cannot be ended there.
        attempts : int
            Workers that may die of one row in one run before its outcome is ``crashed``.
        each : callable, optional
            Called with the campaign, in this process, whenever rows have finished.
        progress : bool
            Whether to draw a bar, if standard error is a terminal.

        Raises
        ------
        InputError
            Another driver is at work; bad arguments; a function that workers cannot find; five
            evaluations have failed.
        LeydenError
            What the evaluation raised: LAMMPS or botorch is not installed, the disk is full.
        """
        from leyden.exploration.campaign_loop import Plan, drive
        from leyden.exploration.evaluators import evaluator_from_dict

        if evaluate is None:
            if self.evaluator is None:
                raise InputError(
                    "the campaign does not know what to evaluate its rows with",
                    file=self.path,
                    remedy="give a function; or tell it results, as of a laboratory",
                )
            evaluate = evaluator_from_dict(self.evaluator)
        plan = Plan(evaluations, workers, batch, timeout_s, attempts)
        drive(self, self._store, evaluate, plan, executor, each, progress)
        return self.status()


def _runs_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}-runs")
