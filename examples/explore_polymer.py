"""Which anion conducts best? A campaign on a stand-in for the simulator, killed and taken up again.

The simulator itself takes a minute a point: `leyden explore new runs/anion --polymer anion`. Here a
formula answers in its place, with the noise that a simulation has.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from leyden.exploration import Campaign, Objective, Parameter, SearchSpace, Trial

space = SearchSpace(
    (
        Parameter("anion_radius", 1.5, 5.0, unit="angstrom"),
        Parameter("li_per_eo", 0.04, 0.2, scale="log"),
        Parameter("epsilon_cation_anion", 0.4, 6.0, unit="kcal/mol"),
    )
)


def stand_in(trial: Trial) -> dict[str, object]:
    """Large anions that bind little are best; strong binding makes a glass, and a bound."""
    noise = np.random.default_rng(trial.random_state).normal(scale=0.05)
    value = -((trial["anion_radius"] - 4.0) ** 2) / 4 - 0.3 * trial["epsilon_cation_anion"]
    value -= 4 * np.log10(trial["li_per_eo"] / 0.1) ** 2
    if trial["epsilon_cation_anion"] > 4.5:
        return {"log10_sigma": value + 0.5, "log10_sigma_bound": "below", "outcome": "glassy"}
    return {"log10_sigma": value + noise, "log10_sigma_error": 0.05}


campaign = Campaign.create("anion.db", space, Objective("log10_sigma"), initial=8)
with ThreadPoolExecutor(2) as threads:  # processes are the default: they can be ended
    campaign.run(stand_in, evaluations=10, executor=threads)
    campaign = Campaign.open(Path("anion.db"))  # another day
    status = campaign.run(stand_in, evaluations=14, executor=threads)

history = campaign.history()
print(history[["id", "method", "log10_sigma", "log10_sigma_best_so_far", "outcome"]].to_string())
print(f"{status.outcomes}; the best:")
print(status.best[["id", *space.names, "log10_sigma", "log10_sigma_error"]].to_string(index=False))
