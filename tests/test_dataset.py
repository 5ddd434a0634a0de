"""Datasets: rows that stay together, what a fold forbids, and tables of users."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leyden.data.dataset import Dataset, HeldOut, concatenate
from leyden.errors import IncompatibleError, InputError


def table(**columns: list) -> pd.DataFrame:
    base = {"formula": ["LiCl", "NaCl", "KCl", "Na2Cl2"], "K_VRH_GPa": [32.0, 25.0, 17.0, 24.0]}
    return pd.DataFrame({**base, **columns})


def salts(**columns: list) -> Dataset:
    return Dataset.from_table(table(**columns), target="K_VRH_GPa", name="salts.csv")


def test_a_table_becomes_a_dataset() -> None:
    data = Dataset.from_table(
        table(T_K=[1, 2, 3, 4], lab=["a", "b", "a", "b"], note=list("wxyz")),
        target=["log10_K_VRH_GPa"],
        groups=["lab"],
        conditions=["T_K"],
        name="salts.csv",
    )
    assert data.items == ("LiCl", "NaCl", "KCl", "NaCl")
    np.testing.assert_allclose(data.y, np.log10([32, 25, 17, 24]))
    assert dict(data.quantities) == {"log10_K_VRH_GPa": "elasticity"}
    assert list(data.groups) == ["formula", "lab"]
    assert data.groups["formula"].tolist() == ["LiCl", "NaCl", "KCl", "NaCl"]
    assert data.conditions["T_K"].dtype == float
    assert list(data.extra) == ["K_VRH_GPa", "note"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"K_VRH_GPa": ["1", "2", "soft", "3"]}, "row 3: column K_VRH_GPa must hold numbers"),
        ({"K_VRH_GPa": ["1", "inf", "2", "3"]}, "row 2: .*finite"),
        ({"K_VRH_GPa": ["1", "nan", "2", "3"]}, "row 2: .*finite"),
        ({"K_VRH_GPa": [1.0, 2.0, np.inf, 3.0]}, "row 3: .*finite"),
        ({"K_VRH_GPa": [3.2e10, 1e10, 1e10, 1e10]}, "row 1: .*between.*32000000000.*GPa"),
        ({"formula": ["LiCl", "NaCl", "KQq", "K"]}, "row 3: Qq is not an element"),
        ({"formula": ["LiCl", "", "K", "K"]}, "row 2: a row must fill formula"),
        ({"id": ["a", "b", "c", "b"]}, "row 4: ids must be unique; row 2"),
    ],
)
def test_bad_cells_are_told_with_file_row_and_remedy(columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=rf"^salts.csv, {message}") as caught:
        salts(**columns)
    assert caught.value.remedy or "fill" in message


def test_another_unit_is_not_taken_for_the_target() -> None:
    wrong = table().rename(columns={"K_VRH_GPa": "K_VRH_Pa"})
    with pytest.raises(InputError, match=r"another unit \(got 'K_VRH_Pa'\)"):
        Dataset.from_table(wrong, target="K_VRH_GPa")
    with pytest.raises(InputError, match="another unit"):
        Dataset.from_table(wrong, target="log10_K_VRH_GPa")
    with pytest.raises(InputError, match="no column hardness_GPa"):
        Dataset.from_table(wrong, target="hardness_GPa")
    with pytest.raises(InputError, match="row 2: K_VRH_GPa must be positive"):
        Dataset.from_table(table(K_VRH_GPa=[1, 0, 1, 1]), target="log10_K_VRH_GPa")


def test_blank_targets_are_not_measured() -> None:
    data = salts(K_VRH_GPa=["32", "", None, "24"])
    np.testing.assert_array_equal(np.isnan(data.y), [False, True, True, False])
    assert len(data.with_targets("K_VRH_GPa")) == 2


def test_repeated_items_without_ids_are_numbered() -> None:
    data = salts(formula=["NaCl", "NaCl", "KCl", "NaCl"])
    assert data.ids.tolist() == ["NaCl", "NaCl#2", "KCl", "NaCl#3"]


def test_items_of_every_kind_are_found() -> None:
    pairs = pd.DataFrame({"cation": ["[Na+]"], "anion": ["[Cl-]"]})
    assert Dataset.from_table(pairs).items[0].smiles == "[Na+].[Cl-]"
    assert Dataset.from_table(pd.DataFrame({"SMILES": ["OCC"]})).items == ("CCO",)
    crystal = {"lattice": [[4] * 3 + [90] * 3], "species": [["Po"]], "frac": [[[0, 0, 0]]]}
    assert Dataset.from_table(pd.DataFrame(crystal)).groups["formula"].tolist() == ["Po"]
    assert Dataset.from_table(pd.DataFrame({"salt": ["KCl"]}), item="salt").items == ("KCl",)
    with pytest.raises(InputError, match="no column holds the items"):
        Dataset.from_table(pd.DataFrame({"salt": ["KCl"]}))
    with pytest.raises(InputError, match="no column sal"):
        Dataset.from_table(pd.DataFrame({"salt": ["KCl"]}), item="sal")


def test_held_out_rows_and_their_groups_leave_the_source() -> None:
    data = salts()
    held = data.hold_out(np.array([1]), "formula")
    left = data.without(held)
    assert left.groups["formula"].tolist() == ["LiCl", "KCl"]
    assert data.without(data.hold_out(np.array([1]))).ids.tolist() == ["LiCl", "KCl", "Na2Cl2"]
    assert len(data.without(HeldOut())) == len(data)


def test_taking_remembers_its_root() -> None:
    data = salts()
    part = data.take([3, 1, 0]).take(np.array([True, False, True]))
    root, rows = part.root
    assert root is data
    assert rows.tolist() == [3, 0]
    assert part.ids.tolist() == data.ids[rows].tolist()
    assert part.fingerprint() == data.take([3, 0]).fingerprint() != data.take([0, 3]).fingerprint()


def test_concatenation_keeps_the_first_of_equal_ids() -> None:
    data = salts(id=list("abcd"))
    other = salts(id=list("dxya"), K_VRH_GPa=[1.0, 2.0, 3.0, 4.0])
    both = concatenate([data, other], "both")
    assert both.name == "both"
    assert both.ids.tolist() == list("abcdxy")
    np.testing.assert_array_equal(both.y, [32, 25, 17, 24, 2, 3])
    assert both.root[0] is both
    with pytest.raises(IncompatibleError):
        concatenate([data, Dataset.from_table(table())], "both")
    with pytest.raises(IncompatibleError):
        concatenate([], "none")


def test_broken_datasets_cannot_be_made() -> None:
    with pytest.raises(IncompatibleError, match="2 ids for 1 items"):
        Dataset("x", np.array(["a", "b"]), ("K",), pd.DataFrame(index=[0]))
    with pytest.raises(InputError, match="unique"):
        Dataset("x", np.array(["a", "a"]), ("K", "Na"), pd.DataFrame(index=[0, 1]))
    with pytest.raises(InputError, match="no target of this name"):
        salts().with_targets("G_VRH_GPa")


def test_same_quantity_is_by_family() -> None:
    bulk = salts()
    shear = Dataset.from_table(table(G_VRH_GPa=[1.0] * 4), target="log10_G_VRH_GPa")
    gap = Dataset.from_table(table(band_gap_eV=[1.0] * 4), target="band_gap_eV")
    assert bulk.same_quantity(shear)
    assert not bulk.same_quantity(gap)
