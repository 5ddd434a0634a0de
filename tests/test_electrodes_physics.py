"""Voltages, capacities and energies of electrodes: pymatgen, known answers and symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.apps.battery.insertion_battery import InsertionElectrode
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.entries.computed_entries import ComputedEntry, ComputedStructureEntry

from leyden.errors import InputError
from leyden.physics.electrodes import (
    CHARGES,
    average_voltage,
    energy_density,
    gravimetric_capacity,
    specific_energy,
    volume_change,
    volumetric_capacity,
)

VOLUMES = 40.0, 43.0  # cubic angstrom a formula unit
ENERGIES = -23.1, -30.2, -1.9  # eV: charged, discharged, an atom of the metal
POSITIVE = st.floats(1e-2, 1e2)
ENERGY = st.floats(-1e3, 1e3)


def entry(symbols: list[str], volume: float, energy: float) -> ComputedStructureEntry:
    sites = [[n / len(symbols), 0, 0] for n in range(len(symbols))]
    structure = Structure(Lattice.cubic(volume ** (1 / 3)), symbols, sites)
    return ComputedStructureEntry(structure, energy)


@pytest.mark.parametrize("ion", CHARGES)
def test_the_figures_are_those_of_pymatgen(ion: str) -> None:
    charged = entry(["Co", "O", "O"], VOLUMES[0], ENERGIES[0])
    discharged = entry([ion, "Co", "O", "O"], VOLUMES[1], ENERGIES[1])
    reference = InsertionElectrode.from_entries(
        [charged, discharged], ComputedEntry(Composition(ion), ENERGIES[2])
    )
    z = CHARGES[ion]
    mass = float(discharged.composition.weight)
    voltage = average_voltage(*ENERGIES[:2], 1, z, ENERGIES[2])
    grams = gravimetric_capacity(1, z, mass)
    litres = volumetric_capacity(1, z, VOLUMES[1])
    assert voltage == pytest.approx(reference.get_average_voltage(), rel=1e-9)
    assert grams == pytest.approx(reference.get_capacity_grav(), rel=1e-6)
    assert litres == pytest.approx(reference.get_capacity_vol(), rel=1e-6)
    assert specific_energy(voltage, grams) == pytest.approx(reference.get_specific_energy())
    assert energy_density(voltage, litres) == pytest.approx(reference.get_energy_density())
    assert volume_change(*VOLUMES) == pytest.approx(reference.max_delta_volume)


def test_the_handbook_capacities() -> None:
    """LiCoO2 274, LiFePO4 170, graphite (LiC6) 339 (of LiC6) and magnesium's two charges."""
    masses = [float(Composition(formula).weight) for formula in ("LiCoO2", "LiFePO4", "LiC6")]
    np.testing.assert_allclose(gravimetric_capacity(1, 1, masses), [274, 170, 339], rtol=3e-3)
    assert gravimetric_capacity(1, 2, 100) == 2 * gravimetric_capacity(1, 1, 100)


@given(ENERGY, ENERGY, ENERGY, POSITIVE, st.sampled_from([1, 2, 3]), POSITIVE, ENERGY)
def test_a_voltage_knows_no_cell_and_no_zero_of_energy(
    charged: float,
    discharged: float,
    metal: float,
    ions: float,
    z: int,
    cells: float,
    zero: float,
) -> None:
    voltage = average_voltage(charged, discharged, ions, z, metal)
    size = (abs(charged) + abs(discharged) + ions * abs(metal) + abs(zero) + 1) / (z * ions)
    bigger = average_voltage(cells * charged, cells * discharged, cells * ions, z, metal)
    assert bigger == pytest.approx(voltage, abs=1e-9 * size)
    # another zero of the framework's energy, which both states hold
    shifted = average_voltage(charged + zero, discharged + zero, ions, z, metal)
    assert shifted == pytest.approx(voltage, abs=1e-9 * size)
    # formation energies, of which the metal has none, give what total energies give
    formation = average_voltage(charged, discharged - ions * metal, ions, z)
    assert formation == pytest.approx(voltage, abs=1e-9 * size)


def test_steps_add_up_to_the_whole_discharge() -> None:
    states = np.array([-10.0, -15.0, -17.5])  # of one framework with 0, 1 and 3 ions
    ions = np.array([1.0, 2.0])
    steps = average_voltage(states[:-1], states[1:], ions, 1, -1.0)
    whole = average_voltage(states[0], states[-1], 3, 1, -1.0)
    assert whole == pytest.approx((steps * ions).sum() / 3)
    assert steps[0] == 4.0


def test_arrays_broadcast_and_what_is_missing_stays_missing() -> None:
    voltage = average_voltage([-10.0, np.nan], -13.0, 1.0, [1, 2])
    np.testing.assert_array_equal(voltage, [3.0, np.nan])
    np.testing.assert_allclose(volume_change([10.0, 10.0], [11.0, 9.0]), [0.1, -0.1])


def test_what_no_electrode_has_is_told() -> None:
    with pytest.raises(InputError, match=r"takes up ions \(got 0.0\)"):
        average_voltage(-10, -13, [1, 0], 1)
    with pytest.raises(InputError, match="charge number"):
        average_voltage(-10, -13, 1, 0)
    with pytest.raises(InputError, match="takes up ions"):
        gravimetric_capacity(-1, 1, 100)
    with pytest.raises(InputError, match="mass"):
        gravimetric_capacity(1, 1, 0)
    with pytest.raises(InputError, match="volume"):
        volumetric_capacity(1, 1, 0)
    with pytest.raises(InputError, match="volume"):
        volume_change(40, -1)
