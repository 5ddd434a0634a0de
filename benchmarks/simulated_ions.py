"""How far the simulated ionic liquids are from the measured ones at 298.15 K and 101.325 kPa.

    python benchmarks/simulated_ions.py

Density, heat capacity and surface tension of every measured pair of singly charged ions; cleaned
measurements, the median of those within 1 K. Nothing was fitted to them.
"""

from __future__ import annotations

import numpy as np

import leyden as ly
from leyden.data.ions import AMBIENT_KPA, ROOM_K
from leyden.data.molecules import formal_charge
from leyden.simulators.ionic_liquids import simulated_ionic_liquids

for target in ("density_kg_per_m3", "heat_capacity_J_per_mol_K", "surface_tension_N_per_m"):
    liquids = ly.load("ionic-liquids", target=target)
    near = [
        row
        for row, item in enumerate(liquids.items)
        if abs(item.temperature_K - ROOM_K) < 1 and abs(item.pressure_kPa - AMBIENT_KPA) < 2
        if formal_charge(item.cation) == 1 and formal_charge(item.anion) == -1
    ]
    room = liquids.take(near)
    measured = room.targets[target].groupby(room.groups["pair"].to_numpy()).median()
    cations = sorted({item.cation for item in room.items})
    anions = sorted({item.anion for item in room.items})
    grid = simulated_ionic_liquids(cations, anions, [f"simulated_{target}"])
    place = {pair: row for row, pair in enumerate(grid.groups["pair"])}
    simulated = grid.y[[place[pair] for pair in measured.index]]
    known = np.isfinite(simulated)  # a parachor has constants for some elements only
    simulated, measured = simulated[known], measured[known]
    ratio = simulated / measured.to_numpy()
    print(
        f"{target}: {len(measured)} pairs, deviation mean {np.abs(ratio - 1).mean():.1%}, "
        f"median {np.median(np.abs(ratio - 1)):.1%}, bias {np.median(ratio) - 1:+.1%}, "
        f"r {np.corrcoef(simulated, measured)[0, 1]:.2f}",
        flush=True,
    )
