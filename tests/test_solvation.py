"""Solvation data: which molecule is the solute, and what keeps test pairs out of the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data.molecules import inchi_key
from leyden.data.solvation import MoleculePair, solvation
from leyden.errors import InputError


def write(home: Path, rows: list[tuple[str, float]], name: str = "experimental") -> None:
    (home / "solvation").mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows, columns=["smiles", "solvation_kcal_per_mol"])
    table.to_csv(home / "solvation" / f"{name}.csv.gz", index=False)


def test_the_solvent_is_written_first_and_smiles_become_canonical() -> None:
    pair = MoleculePair.from_smiles("O.OCC")
    assert pair == MoleculePair(solute="CCO", solvent="O")
    assert (pair.first, pair.second) == ("CCO", "O")
    assert pair.keys == (inchi_key("CCO"), inchi_key("O"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("O", "two molecules"),
        ("O.[Na+].[Cl-]", "two molecules"),
        ("O.[Na+]", "neutral"),
        ("O.C1CC", "readable"),
    ],
)
def test_what_is_no_pair_of_neutral_molecules_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        MoleculePair.from_smiles(text)


def test_zwitterions_and_nitrous_oxide_are_molecules() -> None:
    assert MoleculePair.from_smiles("O.N#N=O").solute == "[N-]=[N+]=O"
    assert MoleculePair.from_smiles("O.C[N+](C)(C)CC(=O)[O-]").solvent == "O"


def test_both_orders_are_two_rows_of_one_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    write(tmp_path, [("O.OCC", -5.0), ("CCO.O", -6.0), ("O.C(C)O", -5.2), ("CO.O", -4.0)])
    data = solvation()
    assert data.items == (
        MoleculePair("CCO", "O"),
        MoleculePair("O", "CCO"),
        MoleculePair("O", "CO"),
    )
    np.testing.assert_allclose(data.y, [-5.1, -6.0, -4.0])
    assert data.groups["pair"].nunique() == 2
    assert data.ids[0] == f"{inchi_key('CCO')}.{inchi_key('O')}"


def test_a_row_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    write(tmp_path, [("O.CCO", -5.0), ("O.[Na+]", -1.0)])
    with pytest.raises(InputError, match=r"row 2: .*\+1"):
        solvation()
    with pytest.raises(InputError, match="experimental"):
        solvation("measured")


def test_measured_and_simulated_agree_in_the_order_that_is_taken(
    data_home: Callable[[str], Path],
) -> None:
    data_home("solvation")
    measured, simulated = solvation("experimental"), solvation("simulated")
    assert (len(measured), len(simulated)) == (8780, 89998)
    ours = pd.Series(measured.y, index=measured.ids)
    theirs = pd.Series(simulated.y, index=simulated.ids)
    both = ours.index.intersection(theirs.index)
    turned = pd.Index([".".join(reversed(id.split("."))) for id in ours.index])
    other = pd.Series(ours.to_numpy(), index=turned)
    reverse = other.index.intersection(theirs.index)
    assert (ours[both] - theirs[both]).abs().mean() < 0.4
    assert (other[reverse] - theirs[reverse]).abs().mean() > 2.0
    left = simulated.without(measured.hold_out(np.arange(len(measured)), "pair"))
    assert set(left.groups["pair"]).isdisjoint(measured.groups["pair"])
    assert len(simulated) - len(left) == 368
