"""The table of elements and the vectors made of it."""

from __future__ import annotations

import numpy as np
import pytest

from leyden.errors import InputError
from leyden.representations import element_property, element_vectors
from leyden.representations.elements import MAX_NUMBER

PARTS = np.cumsum([18, 9, 10, 10, 12, 10, 10, 4, 10])
GROUP, PERIOD, ELECTRONEGATIVITY, RADIUS, VALENCE, IONISATION, AFFINITY, BLOCK, VOLUME = range(9)


def bins(z: int) -> list[int | None]:
    """The bin of each of the nine properties."""
    found = []
    for part in np.split(element_vectors()[z], PARTS[:-1]):
        assert part.sum() in (0, 1)
        found.append(int(part.argmax()) if part.any() else None)
    return found


@pytest.mark.parametrize(
    ("z", "group", "period", "valence", "block"),
    [
        (1, 1, 1, 1, "s"),
        (2, 18, 1, 2, "s"),
        (8, 16, 2, 6, "p"),
        (11, 1, 3, 1, "s"),
        (26, 8, 4, 8, "d"),
        (30, 12, 4, 12, "d"),
        (31, 13, 4, 3, "p"),
        (54, 18, 5, 8, "p"),
        (57, 3, 6, 3, "f"),
        (71, 3, 6, 3, "d"),
        (92, 3, 7, 6, "f"),
    ],
)
def test_place_in_the_periodic_table(
    z: int, group: int, period: int, valence: int, block: str
) -> None:
    found = bins(z)
    assert found[GROUP] == group - 1
    assert found[PERIOD] == period - 1
    assert found[VALENCE] == valence - 1
    assert found[BLOCK] == "spdf".index(block)


def test_continuous_properties_fall_in_their_bins() -> None:
    # Oxygen: 3.44 in 0.5..4, 66 pm in 25..250, ln 13.6 = 2.61 in 1.3..3.3.
    found = bins(8)
    assert found[ELECTRONEGATIVITY] == int((3.44 - 0.5) / 0.35)
    assert found[RADIUS] == int((66 - 25) / 22.5)
    assert found[IONISATION] == int((np.log(13.618) - 1.3) / 0.2)
    # Chlorine: 349 kJ/mol are 3.62 eV, the last bin of -3..3.7.
    assert bins(17)[AFFINITY] == 9


def test_what_is_not_known_has_no_bin() -> None:
    assert bins(2)[ELECTRONEGATIVITY] is None
    assert not element_vectors()[0].any()
    assert len({tuple(vector) for vector in element_vectors()[1:90]}) > 80  # elements differ


def test_vectors_are_shared_and_cannot_be_changed() -> None:
    assert element_vectors().shape == (MAX_NUMBER + 1, 93)
    assert element_vectors().dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        element_vectors()[1, 0] = 5


def test_properties_of_known_elements() -> None:
    assert element_property("Electronegativity")[9] == 3.98
    assert element_property("CovalentRadius")[6] == 76
    assert element_property("BulkModulus")[29] == 140
    assert np.array_equal(element_property("Number")[1:], np.arange(1, MAX_NUMBER + 1))


def test_imputation_fills_with_the_mean_and_changes_nothing_else() -> None:
    raw, filled = element_property("MeltingT"), element_property("MeltingT", imputed=True)
    known = np.isfinite(raw)
    assert not known[2]
    assert np.array_equal(raw[known], filled[known])
    assert filled[2] == pytest.approx(raw[known].mean())
    assert np.isnan(filled[0])
    assert np.isnan(element_property("MeltingT")[2])  # the table itself is untouched


def test_unknown_property() -> None:
    with pytest.raises(InputError, match="Electronegativity"):
        element_property("Electronegativty")
