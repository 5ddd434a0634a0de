"""Bayesian optimisation against random search on the coarse-grained polymer electrolyte.

    python benchmarks/polymer_campaign.py anion
    python benchmarks/polymer_campaign.py SPACE --ns 1 --shared 20 --proposed 20 --random 0

the latter for the spaces backbone and "secondary site". Figure 5-2c of T. Xie's thesis (MIT, 2020):
`shared` random rows, then `proposed` ones by local penalisation, in batches, against `random` more
random rows. Takes hours to days of LAMMPS: it may be killed at any moment and goes on when called
again. Campaign files and tables of results lie in ``benchmarks/campaigns``; the folders of the runs
beside them are not committed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from leyden.exploration import Campaign
from leyden.exploration.evaluators import CONDUCTIVITY, PolymerSimulation

HOME = Path(__file__).parent / "campaigns"
SEED = 20261122
TIMEOUT_S = 7200.0


def arm(home: Path, simulation: PolymerSimulation, method: str, name: str) -> Campaign:
    """The campaign of one arm, new or found again."""
    path = home / f"{simulation.space.replace(' ', '-')}-{name}.campaign"
    if path.exists():
        return Campaign.open(path)
    return Campaign.create(
        path,
        simulation.search_space(),
        CONDUCTIVITY,
        method=method,
        initial=0,
        random_state=SEED,
        task=simulation.task,
        evaluator=simulation.to_dict(),
    )


def advance(campaign: Campaign, evaluations: int, workers: int, batch: int) -> None:
    """Bring it to so many evaluations, and its table up to date after each batch."""
    done = campaign.status().finished
    while done < evaluations:
        goal = min(done + batch, evaluations)
        status = campaign.run(evaluations=goal, workers=workers, batch=batch, timeout_s=TIMEOUT_S)
        campaign.history().to_csv(campaign.path.with_suffix(".csv"), index=False)
        done = status.finished
        print(
            f"{campaign.path.name}: {done} of {evaluations}, {status.outcomes}, "
            f"overhead {status.overhead:.4f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("space", choices=("anion", "backbone", "secondary site"))
    parser.add_argument("--ns", type=float, default=2.0, help="production of a simulation")
    parser.add_argument("--shared", type=int, default=50, help="random rows that both arms have")
    parser.add_argument("--proposed", type=int, default=60, help="rows of the optimisation")
    parser.add_argument("--random", type=int, default=60, help="more rows of the random arm")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--home", type=Path, default=HOME)
    given = parser.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    simulation = PolymerSimulation(given.space, given.ns)
    by_chance = arm(given.home, simulation, "random", "random")
    advance(by_chance, given.shared, given.workers, given.batch)
    proposed = arm(given.home, simulation, "local penalisation", "proposed")
    proposed.tell(by_chance.history().sort_values("id").head(given.shared))
    advance(proposed, given.shared + given.proposed, given.workers, given.batch)
    advance(by_chance, given.shared + given.random, given.workers, given.batch)


if __name__ == "__main__":
    main()
