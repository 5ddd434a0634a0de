"""Screening of more than 700,000 ion pairs: seconds, memory, and what the machinery itself costs.

    python benchmarks/screen_ion_pairs.py [--models A.leyden B.leyden ...] [--ions IONS.csv ...]
        [--cations 1000] [--anions 720] [--workers N] [--rows passing|all] [--criteria TEXT ...]

Without models, six properties are predicted by a linear model of twelve numbers an ion, with
intervals by category: what is measured then is all but the models.  Without ions, imidazolium
cations and alkyl anions are made up.  The whole screening is timed: ions read, checked and
represented, models loaded, pairs predicted, rows written to Parquet, the Pareto front found.

Prints one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from leyden.conformal import ConformalIntervals, IntervalsByCategory
from leyden.data.ions import IonPair
from leyden.data.molecules import inchi_key, read_molecule
from leyden.ion_domain import CATEGORIES, IonDomain
from leyden.models.vectors import VectorRegressor
from leyden.predictor import Predictor
from leyden.representations.ion_pair import IonPairVectors
from leyden.screening.engine import run
from leyden.screening.ion_pairs import IonPairJob
from leyden.screening.pair_criteria import pair_criterion

__all__ = ["main"]

TARGETS = {
    "melting_point_K": (330.0, 40.0),
    "log10_viscosity_Pa_s": (-1.0, 0.5),
    "log10_conductivity_S_per_m": (-0.5, 0.4),
    "density_kg_per_m3": (1200.0, 100.0),
    "surface_tension_N_per_m": (0.04, 0.005),
    "heat_capacity_J_per_mol_K": (500.0, 100.0),
}
CRITERIA = ("melting_point_K < 298", "viscosity_mPa_s < 50", "conductivity_mS_per_cm > 5")
OBJECTIVES = ("max conductivity_mS_per_cm", "min viscosity_mPa_s", "min melting_point_K")


@dataclass(frozen=True)
class AtomCounts:
    """How many atoms of each of some elements an ion has, and what little else RDKit counts."""

    kind: ClassVar[str] = "atom_counts"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        """Counts, shape (n, 12)."""
        return np.array([_counts(text) for text in items]).reshape(-1, 12)

    def names(self) -> list[str]:
        """A name a column."""
        return [f"count {i}" for i in range(12)]


def _counts(smiles: str) -> list[float]:
    molecule = read_molecule(smiles)
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    rings = molecule.GetRingInfo().NumRings()
    hydrogens = sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
    elements = [numbers.count(number) for number in (5, 6, 7, 8, 9, 15, 16, 17, 35)]
    return [*map(float, elements), float(rings), float(hydrogens), float(len(numbers))]


def made_up_ions(cations: int, anions: int) -> pd.DataFrame:
    """Imidazolium and ammonium ions with chains of all lengths; alkyl sulfates and the like."""
    chains = ["C" * length for length in range(1, 33)]
    two = list(itertools.combinations_with_replacement(chains, 2))
    first = [f"{a}n1cc[n+]({b})c1" for a, b in two] + [f"{a}[N+](C)(C)C{b}" for a, b in two]
    heads = ("OS(=O)(=O)[O-]", "S(=O)(=O)[O-]", "C(=O)[O-]", "[N-]S(=O)(=O)C", "[N-]C#N")
    ends = ("", "F", "Cl", "Br", "O")
    second = [f"{end}{a}{head}" for head in heads for a in chains for end in ends]
    return pd.DataFrame({"smiles": _unique(first, cations) + _unique(second, anions)})


def _unique(texts: Sequence[str], number: int) -> list[str]:
    found: dict[str, str] = {}
    for text in texts:
        if len(found) < number:
            found.setdefault(inchi_key(text), text)
    return list(found.values())


def linear_models(ions: pd.DataFrame) -> list[Predictor]:
    """Linear models of the six properties, each with a domain and intervals by category."""
    from sklearn.linear_model import Ridge

    cations = ions["smiles"][ions["smiles"].str.contains("+", regex=False)].tolist()
    anions = ions["smiles"][~ions["smiles"].str.contains("+", regex=False)].tolist()
    representation = IonPairVectors(AtomCounts())
    rng = np.random.default_rng(0)
    places = np.unique(
        rng.integers((0, 0), (len(cations) // 2, len(anions) // 2), (2000, 2)), axis=0
    )
    items = [IonPair(cations[i], anions[j]) for i, j in places]
    X = representation.transform(items)
    domain = IonDomain.of(items)
    made = []
    for target, (mean, spread) in TARGETS.items():
        y = mean + spread * (X @ rng.normal(size=X.shape[1]) / X.std() + rng.normal(size=len(X)))
        model = VectorRegressor(representation, Ridge()).fit(X, y)
        calibrations = {
            category: ConformalIntervals().fit(rng.normal(size=1000) * spread, np.zeros(1000))
            for category in CATEGORIES
        }
        intervals = IntervalsByCategory(0.9, calibrations)
        made.append(Predictor(representation, model, (target,), intervals, domain))
    return made


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Run one screening in a folder of its own."""
    ions: list[object] = list(options.ions or [made_up_ions(options.cations, options.anions)])
    models: list[object] = list(options.models or linear_models(ions[0]))  # type: ignore[arg-type]
    began, used = time.perf_counter(), time.process_time()
    job = IonPairJob(
        ions,
        models,
        [pair_criterion(text) for text in options.criteria],
        options.objectives,
        rows=options.rows,
    )
    prepared = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        result = run(job, Path(folder) / "screening", workers=options.workers, progress=False)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        written = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    return {
        "pairs": result.candidates,
        "properties": sum(len(model.predictor.targets) for model in job.models),
        "seconds": seconds,
        "cpu_seconds_of_this_process": used,
        "seconds_until_the_first_pair": prepared,
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parquet_MB": written / 2**20,
        "front": len(result.rows),
        "counts": result.counts,
    }


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", type=Path)
    parser.add_argument("--ions", nargs="+", type=Path)
    parser.add_argument("--cations", type=int, default=1000)
    parser.add_argument("--anions", type=int, default=720)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rows", choices=("passing", "all"), default="passing")
    parser.add_argument("--criteria", nargs="*", default=CRITERIA)
    parser.add_argument("--objectives", nargs="*", default=OBJECTIVES)
    print(json.dumps(measure(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
