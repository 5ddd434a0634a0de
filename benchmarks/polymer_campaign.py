"""Bayesian optimisation against random search on the coarse-grained polymer electrolyte.

    python benchmarks/polymer_campaign.py anion --replicates 6 --along anion_radius --reference 6
    python benchmarks/polymer_campaign.py SPACE --ns 1 --shared 20 --proposed 20 --random 0

the latter for the spaces backbone and "secondary site". Figure 5-2c of T. Xie's thesis (MIT, 2020):
`shared` random rows, then `proposed` ones by local penalisation and `random` more random ones, a
batch of the one arm after a batch of the other, so that both see the same machine. Then

* `--replicates`: the best row of each arm, by the posterior mean of one surrogate of all rows, is
  simulated again with fresh seeds: what luck was in the best is not in these;
* `--along`: twelve simulations along one parameter, the others at the reference (figure 5-2d);
  no campaign is told of them;
* `--reference`: the reference with so many seeds.

Takes hours to days of LAMMPS: it may be killed at any moment and goes on when called again.
Campaign files and tables of results lie in ``benchmarks/campaigns``; the folders of the runs beside
them are not committed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.artefact import writing
from leyden.errors import InputError
from leyden.exploration import Campaign, PolymerSimulation, SearchSpace
from leyden.exploration.campaign_workers import LocalWorkers
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.evidence import FAULTS
from leyden.exploration.polymer_reference import polymer_reference

HOME = Path(__file__).parent / "campaigns"
SEED = 20261122
TIMEOUT_S = 7200.0
ALONG = 12
FUTILE = 5


def campaign_of(
    home: Path, simulation: PolymerSimulation, name: str, method: str = "random", seed: int = SEED
) -> Campaign:
    """A campaign of this simulation, new or found again."""
    task = simulation.task.replace(" ", "")
    path = home / f"{simulation.space.replace(' ', '-')}-{task}-{name}.campaign"
    if not path.exists():
        return Campaign.create(
            path,
            simulation.search_space(),
            CONDUCTIVITY,
            method=method,
            initial=0,
            random_state=seed,
            task=simulation.task,
            evaluator=simulation.to_dict(),
        )
    found = Campaign.open(path)
    if found.evaluator != simulation.to_dict() or found.space != simulation.search_space():
        raise InputError("the campaign is one of another simulation", file=path)
    return found


def keep(campaign: Campaign) -> None:
    """The table of a campaign, as it is now; ends the work where nothing succeeds any more."""
    history, status = campaign.history(), campaign.status()
    with writing(campaign.path.with_suffix(".csv")) as file:
        file.write(history.to_csv(index=False, lineterminator="\n").encode())
    overhead = f"overhead {status.overhead:.4f}"
    print(f"{campaign.path.name}: {status.finished}, {status.outcomes}, {overhead}", flush=True)
    last = history["outcome"].tail(FUTILE)
    if len(last) == FUTILE and last.isin(FAULTS).all():
        raise InputError(
            f"the last {FUTILE} simulations have failed ({history['error'].iloc[-1]})",
            file=campaign.path,
            remedy="mend it; `leyden explore retry` takes them back; then call this again",
        )


def advance(campaign: Campaign, goal: int, workers: LocalWorkers, batch: int | None = None) -> None:
    """Bring it to so many evaluations."""
    if campaign.status().finished < goal:
        campaign.run(
            workers.evaluate,
            evaluations=goal,
            workers=workers,
            batch=batch,
            timeout_s=TIMEOUT_S,
            each=keep,
        )


def in_turn(goals: Sequence[tuple[Campaign, int]], workers: LocalWorkers, batch: int) -> None:
    """Bring several to their goals, a batch each at a time."""
    while True:
        behind = [(c, done, goal) for c, goal in goals if (done := c.status().finished) < goal]
        if not behind:
            return
        for campaign, done, goal in behind:
            advance(campaign, min(done + batch, goal), workers, batch)


def evaluate_rows(campaign: Campaign, rows: pd.DataFrame, workers: LocalWorkers) -> None:
    """Bring a campaign of given rows to its end."""
    status = campaign.status()
    asked = status.finished + status.suggested + status.running
    if asked < len(rows):
        campaign.ask(rows.iloc[asked:])
    advance(campaign, len(rows), workers)


def best_rows(arms: Sequence[Campaign], space: SearchSpace) -> list[pd.DataFrame]:
    """The row of each arm with the best posterior mean of one surrogate of all rows."""
    from leyden.exploration.surrogate import Surrogate

    tables = [arm.observations() for arm in arms]
    everything = pd.concat(tables).drop_duplicates(space.names, ignore_index=True)
    surrogate = Surrogate(space, CONDUCTIVITY, random_state=SEED).fit(everything)
    chosen = []
    for table in tables:
        name = CONDUCTIVITY.name
        measured = table[table[name].notna() & (table[f"{name}_bound"] == "")]
        means = surrogate.predict(measured[space.names])["mean"].to_numpy()
        chosen.append(measured[space.names].iloc[[int(np.argmax(means))]])
    return chosen


def line(parameter: str, space: SearchSpace, count: int) -> pd.DataFrame:
    """Rows along one parameter, equal steps on its scale, the others at the reference."""
    middle = pd.DataFrame([polymer_reference(space.names)])
    place = space.names.index(parameter)
    points = np.repeat(space.to_unit(middle), count, axis=0)
    points[:, place] = np.linspace(0.0, 1.0, count)
    rows = pd.concat([middle] * count, ignore_index=True)
    rows[parameter] = space.from_unit(points)[parameter]
    return rows


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("space", choices=("anion", "backbone", "secondary site"))
    parser.add_argument("--ns", type=float, default=2.0, help="production of a simulation")
    parser.add_argument("--shared", type=int, default=50, help="random rows that both arms have")
    parser.add_argument("--proposed", type=int, default=60, help="rows of the optimisation")
    parser.add_argument("--random", type=int, default=60, help="more rows of the random arm")
    parser.add_argument("--replicates", type=int, default=0, help="of the best row of each arm")
    parser.add_argument("--along", metavar="PARAMETER", help="simulate along it")
    parser.add_argument("--reference", type=int, default=0, help="simulations of the reference")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--home", type=Path, default=HOME)
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Command line."""
    given = arguments(words)
    given.home.mkdir(parents=True, exist_ok=True)
    simulation = PolymerSimulation(given.space, given.ns)
    space = simulation.search_space()
    along = line(given.along, space, ALONG) if given.along else None
    by_chance = campaign_of(given.home, simulation, "random")
    proposed = campaign_of(given.home, simulation, "proposed", "local penalisation")
    with LocalWorkers(simulation, given.workers) as workers:
        advance(by_chance, given.shared, workers)
        if given.shared and not proposed.status().finished:
            proposed.tell(by_chance.history().sort_values("id").head(given.shared))
        goals = ((proposed, given.proposed), (by_chance, given.random))
        in_turn([(arm, given.shared + more) for arm, more in goals], workers, given.batch)
        # Seeds of their own: no simulation of an arm has had them.
        if given.replicates:
            arms = {"random": by_chance, "proposed": proposed}
            for k, best in enumerate(best_rows(list(arms.values()), space)):
                name = f"replicates-{list(arms)[k]}"
                again = campaign_of(given.home, simulation, name, seed=SEED + 1 + k)
                evaluate_rows(again, pd.concat([best] * given.replicates), workers)
        if along is not None:
            held_out = campaign_of(given.home, simulation, f"along-{given.along}", seed=SEED + 3)
            evaluate_rows(held_out, along, workers)
        if given.reference:
            middle = pd.DataFrame([polymer_reference(space.names)] * given.reference)
            known = campaign_of(given.home, simulation, "reference", seed=SEED + 4)
            evaluate_rows(known, middle, workers)


if __name__ == "__main__":
    main()
