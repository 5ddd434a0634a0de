"""The size of Li+ by coordination number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.errors import InputError
from leyden.physics.ionic_radii import lithium_radius, molar_volume_ratio


def test_tabulated_values_and_the_lines_between_and_beyond():
    radii = lithium_radius([3, 4, 5, 6, 7, 8, 10])
    np.testing.assert_allclose(radii, [0.505, 0.59, 0.675, 0.76, 0.84, 0.92, 1.08], rtol=1e-12)
    assert np.isnan(lithium_radius(np.nan))


def test_the_table_is_pymatgen_s():
    from pymatgen.core import Species

    lithium = Species("Li", 1)
    for number, roman in [(4, "IV"), (6, "VI"), (8, "VIII")]:
        assert lithium_radius(number) == lithium.get_shannon_radius(roman)


@given(st.floats(0.1, 30), st.floats(0.1, 30))
def test_more_neighbours_more_room(one, other):
    low, high = sorted((one, other))
    assert lithium_radius(low) <= lithium_radius(high)
    assert 0 < molar_volume_ratio(low) <= molar_volume_ratio(high)


def test_the_ion_outgrows_the_atom_only_far_outside_the_table():
    # 4/3 pi (0.59 A)^3 N_A = 0.518 cm3/mol against 13.02 cm3/mol
    assert molar_volume_ratio(4) == pytest.approx(0.518 / 13.02, rel=1e-3)
    assert molar_volume_ratio(18) < 1 < molar_volume_ratio(18.2)


@pytest.mark.parametrize("number", [0.0, -4.0, np.inf])
def test_impossible_coordination_numbers(number):
    with pytest.raises(InputError, match="must be positive"):
        molar_volume_ratio([6.0, number])
