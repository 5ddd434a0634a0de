"""CIF files to predictions against the original CGCNN code's path, and how near to the machine.

    OMP_NUM_THREADS=1 python benchmarks/speed_end_to_end.py [--structures 200]

Both read the same CIF files, make graphs and predict in batches of 256 with equal weights, in turn,
on one thread.  Prints one JSON object: structures per CPU second of both, their ratio, and what
part of the machine's arithmetic (a float32 matrix product) and memory rate (a copy, read and
written), measured in the same run, a training step and inference reach.  The arithmetic counted is
what the merged graph needs: matrix products, and for each channel of an edge the operations of the
kernel, an exponential or logarithm for what its polynomial costs.  The traffic counted is every row
that an edge reads or adds to, as if nothing stayed in the cache: above 1 the cache has served it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # threads are set before it loads
import torch
from original_cgcnn_data import original_graph
from original_cgcnn_layer import with_weights_of
from speed_network import hosts, inference, least_seconds, training_step

from leyden.data.materials import Crystal, parse_crystal
from leyden.models import CrystalGraphNetwork
from leyden.representations import CrystalGraph, CrystalGraphs
from leyden.representations.elements import element_vectors

BATCH = 256
MATRIX = 1024
COPIED = 1 << 26  # bytes: far more than a core's cache
# Operations for each pair of channels (f, s) of an edge, as they stand in fused_gate.
ROW, NORM, EXP, LOG, DIVISIONS = 2 * 5, 2 * 2, 15, 15, 3
FORWARD = ROW + NORM + 2 * EXP + LOG + DIVISIONS + 6
TRAINING = FORWARD + (ROW + 8) + (ROW + NORM + 2 * EXP + LOG + DIVISIONS + 40) + (ROW + 20)


def write(crystals: list[Crystal], folder: Path) -> list[Path]:
    """One CIF file a crystal."""
    paths = [folder / f"{number}.cif" for number in range(len(crystals))]
    for crystal, path in zip(crystals, paths, strict=True):
        crystal.to_structure().to(filename=str(path))
    return paths


def ours(paths: list[Path], model: CrystalGraphNetwork) -> np.ndarray:
    """Predictions, shape (n,)."""
    return model.predict(model.representation.transform([parse_crystal(path) for path in paths]))


def originals(paths: list[Path], network: torch.nn.Module) -> np.ndarray:
    """Predictions of the original's path, shape (n,)."""
    vectors = element_vectors()
    out = []
    for start in range(0, len(paths), BATCH):
        graphs = [original_graph(path) for path in paths[start : start + BATCH]]
        first = np.cumsum([0, *(len(graph.numbers) for graph in graphs)])
        tensors = (
            np.concatenate([vectors[graph.numbers] for graph in graphs]),
            np.concatenate([graph.expanded for graph in graphs]),
        )
        near = [graph.neighbours + shift for graph, shift in zip(graphs, first[:-1], strict=True)]
        rows = list(torch.arange(first[-1]).split(np.diff(first).tolist()))
        with torch.no_grad():
            values = network(
                *(torch.tensor(part, dtype=torch.float32) for part in tensors),
                torch.as_tensor(np.concatenate(near)),
                rows,
            )
        out.append(values[:, 0].numpy())
    return np.concatenate(out)


def machine() -> tuple[float, float]:
    """Operations and bytes per CPU second of one thread: a float32 product, a copy."""
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    source, target = torch.ones(COPIED // 4), torch.ones(COPIED // 4)
    product, copy = least_seconds([lambda: a @ b, lambda: target.copy_(source)], 5)
    return 2 * MATRIX**3 / product, 2 * COPIED / copy


def needs(graphs: CrystalGraphs, model: CrystalGraphNetwork, table: int) -> dict[str, float]:
    """Operations and bytes (rows of 2 d numbers that edges read and write) of one pass."""
    nodes, edges, d = len(graphs.numbers), len(graphs.neighbours), model.width
    products = 2 * 2 * d * (2 * nodes * d + table * 41)  # own and other of nodes, edge of the table
    layers, row = model.convolutions, 4 * 2 * d
    return {
        "predict_flop": layers * (products + edges * d * FORWARD),
        "train_flop": layers * (3 * products + edges * d * TRAINING),
        "predict_bytes": layers * edges * 4 * row,
        "train_bytes": layers * edges * (4 * 4 + 2 * 2 * 4) * row,
    }


def fractions(crystals: list[Crystal], model: CrystalGraphNetwork) -> dict[str, float]:
    """What part of the machine's rates a step of training and inference reach."""
    graphs = model.representation.transform(crystals)
    rows = np.arange(len(graphs))
    inputs: Callable[[], tuple[Any, ...]] = lambda: (model.inputs(graphs, rows),)  # noqa: E731
    steps = [make(model.build(1), inputs) for make in (training_step, inference)]
    seconds = dict(zip(("train", "predict"), least_seconds(steps, 5), strict=True))
    flop, moved = machine()
    work = needs(graphs, model, len(inputs()[0].basis))
    found = {"machine_gflops": flop / 1e9, "machine_gigabytes_per_second": moved / 1e9}
    for name, taken in seconds.items():
        found[f"{name}_arithmetic_fraction"] = work[f"{name}_flop"] / taken / flop
        found[f"{name}_traffic_over_memory_rate"] = work[f"{name}_bytes"] / taken / moved
    return found


def measure(structures: int = 200, repeats: int = 3) -> dict[str, Any]:
    """Both paths in turn on the same files; the least CPU time of each."""
    name, crystals = hosts(structures)
    model = CrystalGraphNetwork(CrystalGraph(ties="cut"))
    torch.manual_seed(0)
    model.module_ = model.build(1).eval()
    network = with_weights_of(model.module_).eval()
    seconds: dict[str, list[float]] = {"original": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = write(crystals, Path(folder))
        originals(paths[:2], network), ours(paths[:2], model)  # imports and first calls
        for _ in range(repeats):
            start = time.process_time()
            theirs = originals(paths, network)
            middle = time.process_time()
            mine = ours(paths, model)
            seconds["original"].append(middle - start)
            seconds["ours"].append(time.process_time() - middle)
    original, fast = (min(seconds[key]) for key in ("original", "ours"))
    return {
        "data": name,
        "structures": len(paths),
        "original_structures_per_second": len(paths) / original,
        "predict_files_per_second": len(paths) / fast,
        "speed_end_to_end_ratio": original / fast,
        "median_difference": float(np.median(np.abs(theirs - mine))),
        **fractions(crystals[:BATCH], model),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    torch.set_num_threads(1)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
