"""How each property of ionic liquids is cleaned: steps, thresholds, and the reasons for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from leyden.data import liquid_checks as checks
from leyden.data.liquid_checks import Step
from leyden.data.liquid_sources import measured_rows

__all__ = ["cleaning_steps"]

_METALS = Step(
    "metal ions",
    "a bare metal atom has no structure to learn from; its salts are inorganic melts",
    checks.drop_metal_ions,
)


def cleaning_steps(target: str) -> tuple[Step, ...]:
    """The steps that clean a target of `leyden.data.liquid_sources.SOURCES`, in order.

    Every threshold is a physical or metrological limit, told in the step's `why`; none was
    chosen by a score.
    """
    return (_METALS, *_STEPS[target]())


@lru_cache(maxsize=1)
def _melting_points() -> dict[str, float]:
    """Pair to its melting point in K, of the pairs of il-melting."""
    rows = measured_rows("melting_point_K")
    return {
        str(pair): float(value) for pair, value in rows.groupby("pair")["value"].median().items()
    }


def _limits(low: float, high: float, why: str, column: str = "value") -> Step:
    name = "possible values" if column == "value" else "possible temperatures"
    options = {"column": column, "low": low, "high": high}
    return Step(name, why, checks.drop_outside, options)


def _density() -> Iterator[Step]:
    yield Step(
        "g/cm3",
        "no liquid salt is lighter than 10 kg/m3: values below are in g/cm3, times 1000",
        checks.scale_outliers,
        {"below": 10.0, "factor": 1000.0},
    )
    yield _limits(
        600.0,
        3000.0,
        "from lighter than the lightest alkane (pentane, 620) to heavier than the heaviest "
        "polyiodide melts, kg/m3",
    )
    yield Step(
        "disputed sets",
        "water, halide and air bubbles change a density by 1 % at most; a set more than 2 % from "
        "the other sets of its pair is of another liquid (of two sets 4 % apart, both go)",
        checks.disputed,
        {"limit": float(np.log10(1.02))},
    )


def _viscosity() -> Iterator[Step]:
    yield _limits(
        5e-4,
        1e3,
        "no ionic liquid flows like hot water (0.5 mPa s); above 1000 Pa s it is close to its "
        "glass, out of range of viscometers for liquids",
    )
    yield _disputed_transport()


def _conductivity() -> Iterator[Step]:
    yield _limits(
        1e-5,
        40.0,
        "by Walden's rule 1000 Pa s, close to the glass, go with about 1e-5 S/m; zero is below a "
        "detection limit; above 40 S/m conduct inorganic melts only (KCl: 220)",
    )
    yield _disputed_transport()


def _disputed_transport() -> Step:
    return Step(
        "disputed sets",
        "water and halide change viscosity and conductivity by tens of per cent; a set more than "
        "twofold from the other sets of its pair is of another liquid (of two fourfold apart, both "
        "go), one that is off by a power of ten has a slipped unit, and is brought back",
        checks.disputed,
        {"limit": float(np.log10(2.0)), "mend": True},
    )


def _surface_tension() -> Iterator[Step]:
    yield _limits(
        200.0,
        573.15,
        "above 300 C organic salts decompose while they are measured, K",
        column="temperature_K",
    )
    yield _limits(
        0.010,
        0.10,
        "from fluorocarbons (0.010) to above water and the most cohesive organic liquids (0.07), "
        "below inorganic melts (0.1 and more), N/m",
    )
    yield Step(
        "disputed rows",
        "a surface tension falls linearly with T (Eotvos) and laboratories differ by 10 %: rows "
        "more than 20 % from the robust line of their pair are of another liquid",
        checks.near_robust_line,
        {"limit": 0.20},
    )


def _heat_capacity() -> Iterator[Step]:
    yield Step(
        "liquids only",
        "below the melting point of the pair, where il-melting has one, and below 250 K anywhere "
        "(these are adiabatic calorimetry of crystals and glasses), it cannot be known that the "
        "sample was liquid",
        checks.liquid_only,
        {"melting_points_K": _melting_points(), "coldest_K": 250.0},
    )
    yield Step(
        "possible values",
        "at most 3R an atom; 0.8 to 3.0 J/(g K); growing by -0.1 to 0.3 % a kelvin: outside are "
        "crystals, melting peaks and slipped units",
        checks.plausible_heat,
    )
    yield Step(
        "disputed rows",
        "the heat capacity of a liquid is linear in T, and calorimeters differ by 5 %: rows more "
        "than 10 % from the robust line of their pair lie on a peak",
        checks.near_robust_line,
        {"limit": 0.10},
    )


def _melting_point() -> Iterator[Step]:
    yield _limits(150.0, 700.0, "no salt melts below 150 K, and organic ones char by 700 K")


def _glass_transition() -> Iterator[Step]:
    yield _limits(130.0, 400.0, "glasses of molecular liquids soften between 130 and 400 K")


_STEPS = {
    "density_kg_per_m3": _density,
    "log10_viscosity_Pa_s": _viscosity,
    "log10_conductivity_S_per_m": _conductivity,
    "surface_tension_N_per_m": _surface_tension,
    "heat_capacity_J_per_mol_K": _heat_capacity,
    "melting_point_K": _melting_point,
    "glass_transition_K": _glass_transition,
}
