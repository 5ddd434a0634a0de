"""Descriptors of ions against counts by hand; volumes against sums by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from leyden.data.ions import IonPair
from leyden.errors import InputError
from leyden.representations import Fingerprint, MoleculeDescriptors
from leyden.representations.ion_pair import IonPairVectors
from leyden.representations.molecular_volume import van_der_waals_volume

BMIM, NTF2 = "CCCCn1cc[n+](C)c1", "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
PF6, CHLORIDE = "F[P-](F)(F)(F)(F)F", "[Cl-]"


def of(smiles: str) -> dict[str, float]:
    described = MoleculeDescriptors()
    return dict(zip(described.names(), described.transform([smiles])[0].tolist(), strict=True))


def volume(smiles: str) -> float:
    return van_der_waals_volume(Chem.MolFromSmiles(smiles))


def test_columns_are_named_once() -> None:
    names = MoleculeDescriptors().names()
    assert len(set(names)) == len(names)
    assert MoleculeDescriptors().transform([]).shape == (0, len(names))


def test_a_cation_is_counted_by_hand() -> None:
    found = of(BMIM)
    assert {name: found[name] for name in found if name.startswith("atoms_") and found[name]} == {
        "atoms_C": 8,
        "atoms_H": 15,
        "atoms_N": 2,
    }
    assert found["formal_charge"] == found["positive_atoms"] == 1
    assert found["longest_alkyl_chain"] == 4
    assert found["MolWt"] == pytest.approx(139.22, abs=0.01)
    groups = {name for name in found if name.startswith("groups_") and found[name]}
    assert groups == {"groups_imidazolium", "groups_methyl", "groups_methylene_outside_rings"}
    assert found["groups_methyl"] == 2
    assert found["groups_methylene_outside_rings"] == 3


@pytest.mark.parametrize(
    ("smiles", "group", "count"),
    [
        (NTF2, "sulfonylimide", 1),
        (NTF2, "trifluoromethyl", 2),
        ("CCCC[N+](C)(C)C", "quaternary_ammonium", 1),
        ("CC[NH3+]", "quaternary_ammonium", 0),
        ("CC[NH3+]", "protonated_nitrogen", 1),
        ("C[N+]1(CCCC)CCCC1", "pyrrolidinium", 1),
        ("C[N+]1(CC)CCOCC1", "morpholinium", 1),
        ("CCCC[n+]1cccc(C)c1", "pyridinium", 1),
        ("CN(C)C(=[N+](C)C)N(C)C", "guanidinium", 1),
        (BMIM, "guanidinium", 0),
        ("CC[P+](CC)(CC)CC", "phosphonium", 1),
        ("CC[S+](C)C", "sulfonium", 1),
        ("CC(=O)[O-]", "carboxylate", 1),
        ("CS(=O)(=O)[O-]", "sulfonate", 1),
        ("COS(=O)(=O)[O-]", "sulfate", 1),
        ("F[B-](F)(F)F", "borate", 1),
        (PF6, "fluorophosphate", 6),
        ("N#C[N-]C#N", "cyano", 2),
    ],
)
def test_groups_of_ionic_liquids_are_found(smiles: str, group: str, count: int) -> None:
    if group == "cyano":  # one of the two is cumulated in some resonance forms
        assert of(smiles)["groups_cyano"] >= 1
    else:
        assert of(smiles)[f"groups_{group}"] == count


@pytest.mark.parametrize(
    ("smiles", "length"),
    [("CCCCCCCC[N+](C)(C)CCC", 8), ("CC(C)CC", 2), ("C1CCCCC1", 0), ("CCC=CCC", 2), ("C", 0)],
)
def test_longest_alkyl_chain(smiles: str, length: int) -> None:
    assert of(smiles)["longest_alkyl_chain"] == length


def test_values_are_those_of_rdkit() -> None:
    found, molecule = of("CCOC(=O)c1ccccc1"), Chem.MolFromSmiles("CCOC(=O)c1ccccc1")
    for name in ("TPSA", "MolLogP", "fr_ester", "BertzCT", "MaxPartialCharge"):
        assert found[name] == getattr(Descriptors, name)(molecule)
    assert found["log1p_Ipc"] == pytest.approx(np.log1p(Descriptors.Ipc(molecule)))


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("C", 20.58 + 4 * 7.24 - 4 * 5.92),
        ("c1ccccc1", 6 * 20.58 + 6 * 7.24 - 12 * 5.92 - 14.7),
        ("C1CCCCC1", 6 * 20.58 + 12 * 7.24 - 18 * 5.92 - 3.8),
        ("[Cl-]", 22.45),
        (PF6, 24.43 + 6 * 13.31 - 6 * 5.92),
        ("[Li+]", 4 / 3 * np.pi * Chem.GetPeriodicTable().GetRvdw(3) ** 3),
    ],
)
def test_volume_is_the_sum_of_atoms_less_bonds_and_rings(smiles: str, expected: float) -> None:
    assert volume(smiles) == pytest.approx(expected, abs=1e-6)
    assert of(smiles)["van_der_waals_volume_A3"] == pytest.approx(expected, abs=1e-6)


def test_every_ion_has_finite_moderate_descriptors(data_home: Callable[[str], Path]) -> None:
    table = pd.read_csv(data_home("il-melting") / "melting_points.csv.gz")
    ions = sorted({*table["cation"], *table["anion"]})[::20]
    X = MoleculeDescriptors().transform([*ions, "[Cl-]", "[Li+]", PF6, "F[Sb-](F)(F)(F)(F)F"])
    assert np.isfinite(X).all()
    assert np.abs(X).max() < 1e5


def test_single_atoms_and_unknown_elements_are_described() -> None:
    assert of("F[Sb-](F)(F)(F)(F)F")["MaxPartialCharge"] == 0.0
    assert of("F[Sb-](F)(F)(F)(F)F")["atoms_other"] == 1
    assert of(CHLORIDE)["formal_charge"] == -1


def test_an_item_that_is_not_fit_names_its_row() -> None:
    for item, rule in (("CC(", "readable"), (IonPair(BMIM, PF6), "IonPairVectors"), ("", "SMILES")):
        with pytest.raises(InputError, match=rule) as caught:
            MoleculeDescriptors().transform([BMIM, item])
        assert caught.value.row == 2
    with pytest.raises(InputError, match="version"):
        MoleculeDescriptors(version=2)


def test_pairs_are_described_ion_by_ion() -> None:
    for ion in (MoleculeDescriptors(), Fingerprint(size=64)):
        pairs = IonPairVectors(ion, conditions=False)
        row = pairs.transform([IonPair(BMIM, PF6)])[0]
        np.testing.assert_array_equal(row, ion.transform([BMIM, PF6]).ravel())
        assert len(pairs.names()) == len(row)
