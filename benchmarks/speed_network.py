"""Training and inference against the original CGCNN network: same batch, same thread, one run.

    OMP_NUM_THREADS=1 python benchmarks/speed_network.py [--data mp-electrodes] [--structures 256]

Prints one JSON object.  The ratios are CPU seconds of the original over ours, each the least of
several steps taken in turn.  Our step starts from the packed graphs, with equal atoms merged
(``..._unmerged``: without), the original's from finished tensors.  The original is given a distance
basis free of subnormal numbers, as ours is; with the basis as its code computes it, it is slower
(``..._subnormal``).  The original has 12 bonds an atom; ours has a few more, because it keeps
shells whole by default.  Cut to the same 12, fewer atoms are equal (``..._ties_cut``).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from original_cgcnn_layer import OriginalNetwork, with_weights_of
from torch import nn

import leyden as ly
from leyden.data.materials import Crystal
from leyden.models import CrystalGraphNetwork
from leyden.models.distance_table import gaussian_basis
from leyden.representations.crystal_graph import CrystalGraph, CrystalGraphs
from leyden.representations.elements import element_vectors


def hosts(count: int, name: str = "mp-electrodes") -> tuple[str, list[Crystal]]:
    """Charged hosts of electrodes, or where they are absent the crystals every user can fetch."""
    try:
        dataset = ly.load(name, target="formation_energy_eV_per_atom")
    except ly.InputError:
        name = "flla-2015"
        dataset = ly.load(name, target="formation_energy_eV_per_atom")
    chosen = np.random.default_rng(0).permutation(len(dataset))[:count]
    return name, [getattr(item, "host", item) for item in (dataset.items[i] for i in chosen)]


def original_inputs(graphs: CrystalGraphs, rows: np.ndarray, *, subnormal: bool) -> tuple[Any, ...]:
    """What the original network takes: dense (N, 12, .) tensors and a list of atom indices."""
    batch = graphs.batch(rows)
    distances = torch.as_tensor(batch.distances)
    if subnormal:
        basis = torch.exp(-(((distances[:, None] - 0.2 * torch.arange(41)) / 0.2) ** 2))
    else:
        basis = gaussian_basis(distances, 8.0)
    atoms = torch.tensor(element_vectors()[batch.numbers], dtype=torch.float32)
    near = torch.as_tensor(batch.neighbours).view(len(atoms), -1)
    crystals = list(torch.arange(len(atoms)).split(batch.atom_counts.tolist()))
    return atoms, basis.view(*near.shape, -1), near, crystals


def training_step(module: nn.Module, inputs: Callable[[], tuple[Any, ...]]) -> Callable[[], None]:
    """Forward, backward, and a step of the optimiser."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3)

    def step() -> None:
        module.train()
        optimiser.zero_grad()
        module(*inputs()).square().mean().backward()
        optimiser.step()

    return step


def inference(module: nn.Module, inputs: Callable[[], tuple[Any, ...]]) -> Callable[[], None]:
    """Forward in evaluation mode."""

    def step() -> None:
        module.eval()
        with torch.no_grad():
            module(*inputs())

    return step


def least_seconds(steps: Sequence[Callable[[], None]], repeats: int) -> list[float]:
    """CPU seconds of each step: the least of several, taken in turn."""
    seconds = np.full((repeats + 1, len(steps)), np.inf)
    for repeat in range(repeats + 1):  # the first round compiles and warms the caches
        for i, step in enumerate(steps):
            started = time.process_time()
            step()
            seconds[repeat, i] = time.process_time() - started
    return seconds[1:].min(axis=0).tolist()


def largest_difference(module: nn.Module, ours: Any, original: tuple[Any, ...]) -> float:
    """Greatest difference of the outputs, equal weights and neighbours, in evaluation mode."""
    reference: OriginalNetwork = with_weights_of(module).eval()
    with torch.no_grad():
        return float((module.eval()(ours) - reference(*original)).abs().max())


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="mp-electrodes")
    arguments.add_argument("--structures", type=int, default=256)
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    options.data, items = hosts(options.structures, options.data)
    rows = np.arange(len(items))
    whole, cut, kept = (
        CrystalGraph(ties=ties, quotient=quotient).transform(items)
        for ties, quotient in (("cut", False), ("cut", True), ("keep", True))
    )
    model = CrystalGraphNetwork()
    torch.manual_seed(0)
    module = model.build(1)
    plain = original_inputs(whole, rows, subnormal=False)
    difference = largest_difference(module, model.inputs(cut, rows), plain)
    subnormal = original_inputs(whole, rows, subnormal=True)
    contestants: list[tuple[nn.Module, Callable[[], tuple[Any, ...]]]] = [
        (with_weights_of(module), lambda: plain),
        (with_weights_of(module), lambda: subnormal),
        (module, lambda: (model.inputs(kept, rows),)),
        (model.build(1), lambda: (model.inputs(whole, rows),)),
        (model.build(1), lambda: (model.inputs(cut, rows),)),
    ]
    result: dict[str, Any] = {
        "data": options.data,
        "structures": len(items),
        "atoms": len(whole.numbers),
        "nodes": len(kept.numbers),
        "edges_original": len(whole.distances),
        "edges": len(kept.distances),
        "edges_ties_cut": len(cut.distances),
        "largest_difference": difference,
    }
    for name, make in (("train", training_step), ("predict", inference)):
        steps = [make(*contestant) for contestant in contestants]
        original, slowed, ours, ours_whole, ours_cut = least_seconds(steps, options.repeats)
        result |= {
            f"speed_{name}_ratio": original / ours,
            f"speed_{name}_ratio_subnormal": slowed / ours,
            f"speed_{name}_ratio_unmerged": original / ours_whole,
            f"speed_{name}_ratio_ties_cut": original / ours_cut,
            f"{name}_structures_per_second": len(items) / ours,
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
