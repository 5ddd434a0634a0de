"""CIF files to graphs: ours against the original data path, one thread, in one run.

    OMP_NUM_THREADS=1 python benchmarks/speed_graphs.py [--dataset mp-electrodes] [--structures 100]

Prints JSON: CPU milliseconds a structure of both, their ratio, and how far the distances of both
are from each other. Ours are expanded in the same Gaussians here, so that both end with the same
arrays; in the network they never are.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # threads are set before it loads
from original_cgcnn_data import expand, original_graph

from leyden.data.catalog import load
from leyden.data.materials import parse_crystal
from leyden.representations import CrystalGraph

__all__ = ["main", "measure"]


def ours(paths: list[Path]) -> None:
    """Graphs, and the expansion of their distances."""
    expand(CrystalGraph().transform([parse_crystal(path) for path in paths]).distances)


def distances_of(paths: list[Path]) -> list[np.ndarray]:
    """Distances (n, 12) of all atoms, crystal by crystal."""
    crystals = [parse_crystal(path) for path in paths]
    graphs = CrystalGraph(ties="cut", quotient=False).transform(crystals)
    distances = graphs.distances.reshape(-1, 12).astype(float)
    return [
        distances[a:b]
        for a, b in zip(graphs.atom_offsets[:-1], graphs.atom_offsets[1:], strict=True)
    ]


def measure(dataset: str = "flla-2015", structures: int = 100, repeats: int = 3) -> dict[str, Any]:
    """Both paths in turn on the same files; the median over `repeats` of CPU time.

    The original's time grows with the atoms of a cell, ours with the files, too: the ratio is for
    this data set (flla-2015 has small primitive cells, mp-electrodes the cells of electrodes).
    """
    crystals = load(dataset, target="formation_energy_eV_per_atom").items
    step = max(1, len(crystals) // structures)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = []
        for number, crystal in enumerate(crystals[::step][:structures]):
            paths.append(Path(folder) / f"{number}.cif")
            crystal.to_structure().to(filename=str(paths[-1]))
        original_graph(paths[0]), ours(paths[:1])  # imports and first calls
        seconds: dict[str, list[float]] = {"original": [], "ours": []}
        for _ in range(repeats):
            start = time.process_time()
            theirs = [original_graph(path) for path in paths]
            middle = time.process_time()
            ours(paths)
            seconds["original"].append(middle - start)
            seconds["ours"].append(time.process_time() - middle)
        mine = distances_of(paths)
    difference = max(_difference(one.distances, two) for one, two in zip(theirs, mine, strict=True))
    original, fast = (float(np.median(seconds[name])) for name in ("original", "ours"))
    return {
        "dataset": dataset,
        "structures": len(paths),
        "atoms": int(sum(len(graph.numbers) for graph in theirs)),
        "original_ms": round(1000 * original / len(paths), 3),
        "ours_ms": round(1000 * fast / len(paths), 3),
        "speed_graph_ratio": round(original / fast, 1),
        "largest_difference_angstrom": difference,
    }


def _difference(one: np.ndarray, two: np.ndarray) -> float:
    """How far an atom is, at most, from the atom of the other list that it is most like.

    The two readers may order the atoms differently.
    """
    gaps = np.abs(one[:, None] - two[None]).max(axis=2)
    return float(max(gaps.min(axis=0).max(), gaps.min(axis=1).max()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="flla-2015")
    parser.add_argument("--structures", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
