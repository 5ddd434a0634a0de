"""One row an item, several transitions at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leyden.data.dataset import Dataset
from leyden.data.transition_temperatures import joined, one_row_each
from leyden.errors import IncompatibleError, InputError

ETHANOL, TOLUENE, PYRIDINE = "CCO", "Cc1ccccc1", "c1ccncc1"


def table(smiles: list[str], values: list[float], target: str = "melting_point_C") -> Dataset:
    frame = pd.DataFrame({"smiles": smiles, target: values})
    return Dataset.from_table(frame, target=target, name="own.csv")


def test_rows_of_one_molecule_become_their_median() -> None:
    found, log = one_row_each(table([ETHANOL, TOLUENE, "OCC", "C(O)C"], [10.0, -95.0, 16.0, 11.0]))
    np.testing.assert_allclose(found.y, [11.0, -95.0])
    assert found.items == (ETHANOL, TOLUENE)
    assert log[["rows", "lowest", "highest", "remark"]].to_numpy().tolist() == [
        [3, 10.0, 16.0, "differ by 6"]
    ]


def test_rows_that_agree_are_said_to_agree() -> None:
    _, log = one_row_each(table([ETHANOL, ETHANOL], [10.0, 10.5]))
    assert log["remark"].tolist() == ["agree"]


def test_a_dataset_without_repeats_stays_itself() -> None:
    data = table([ETHANOL, TOLUENE], [1.0, 2.0])
    found, log = one_row_each(data)
    assert found is data
    assert log.empty


@pytest.mark.parametrize(
    ("second", "unit"), [(50.0 * 1.8 + 32.0, "Fahrenheit"), (50.0 + 273.15, "kelvin")]
)
def test_a_molecule_in_two_units_is_refused(second: float, unit: str) -> None:
    data = table([TOLUENE, ETHANOL, ETHANOL], [-95.0, 50.0, second])
    with pytest.raises(InputError, match=unit) as caught:
        one_row_each(data)
    assert caught.value.row == 2
    assert caught.value.file == "own.csv"


def test_in_kelvin_other_units_are_others() -> None:
    def kelvin(second: float) -> Dataset:
        return table([ETHANOL, ETHANOL], [350.0, second], "melting_point_K")

    for second, unit in ((76.85, "Celsius"), (76.85 * 1.8 + 32, "Fahrenheit")):
        with pytest.raises(InputError, match=unit):
            one_row_each(kelvin(second))
        _, log = one_row_each(kelvin(second), other_units="keep")
        assert unit in log["remark"][0]
    _, log = one_row_each(kelvin(350.0 * 1.8 + 32))  # what it would be of degrees Celsius
    assert log["remark"][0].startswith("differ")


def test_tables_in_two_units_are_not_joined() -> None:
    with pytest.raises(IncompatibleError, match="two units"):
        joined(
            [
                table([ETHANOL], [300.0], "melting_point_K"),
                table([ETHANOL], [30.0], "clearing_temperature_C"),
            ],
            "both",
        )


def test_items_without_names_are_refused() -> None:
    data = Dataset("x", np.array(["a"]), (ETHANOL,), pd.DataFrame({"melting_point_C": [1.0]}))
    with pytest.raises(InputError, match="group column molecule"):
        one_row_each(data)


def test_two_transitions_are_joined_by_molecule() -> None:
    melting = table([ETHANOL, TOLUENE], [1.0, 2.0])
    clearing = table([TOLUENE, PYRIDINE], [3.0, 4.0], "clearing_temperature_C")
    whole = joined([melting, clearing], "both")
    np.testing.assert_array_equal(whole.y, [[1.0, np.nan], [2.0, 3.0], [np.nan, 4.0]])
    assert whole.items == (ETHANOL, TOLUENE, PYRIDINE)
    assert whole.quantities == {
        "melting_point_C": "melting point",
        "clearing_temperature_C": "clearing temperature",
    }
    assert list(whole.groups) == ["scaffold", "molecule"]


def test_joining_asks_for_one_row_an_item_and_different_targets() -> None:
    twice = table([ETHANOL, ETHANOL], [1.0, 2.0])
    with pytest.raises(IncompatibleError, match="one_row_each"):
        joined([twice], "both")
    once = table([ETHANOL], [1.0])
    with pytest.raises(IncompatibleError, match="occurs twice"):
        joined([once, once], "both")


def test_melting_may_teach_clearing_and_homologues_share_a_scaffold() -> None:
    melting = table([ETHANOL, TOLUENE, "CCc1ccccc1", "CCCO"], [1.0, 2.0, 3.0, 4.0])
    clearing = table([TOLUENE], [3.0], "clearing_temperature_C")
    assert not melting.same_quantity(clearing)
    scaffolds = melting.groups["scaffold"]
    assert scaffolds[1] == scaffolds[2]
    assert scaffolds[0] != scaffolds[3]
    assert melting.item_group == "molecule"
