"""Fingerprints against RDKit's own functions, collisions against known ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import leyden as ly
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint
from leyden.data.molecules import canonical_form, inchi_key
from leyden.errors import InputError
from leyden.models.tanimoto import TanimotoProcess
from leyden.models.vectors import VectorRegressor
from leyden.representations import (
    Concatenated,
    Fingerprint,
    MoleculeDescriptors,
    SelectedColumns,
    collisions,
    represent,
    varying_columns,
)

FIVE_CB, EIGHT_CB = "CCCCCc1ccc(cc1)-c1ccc(cc1)C#N", "CCCCCCCCc1ccc(cc1)-c1ccc(cc1)C#N"
SEVEN_CB, NINE_CB = "CCCCCCCc1ccc(cc1)-c1ccc(cc1)C#N", "CCCCCCCCCc1ccc(cc1)-c1ccc(cc1)C#N"
EMIM, EMIM_TOO, DCA, CHLORIDE = "CC[n+]1ccn(C)c1", "CCn1cc[n+](C)c1", "N#C[N-]C#N", "[Cl-]"
EVERY = ("atom_pair", "topological_torsion", "morgan", "maccs", "rdkit")


def dense(fingerprint: object, size: int) -> np.ndarray:
    out = np.zeros(size)
    DataStructs.ConvertToNumpyArray(fingerprint, out)
    return out


def test_published_choice_is_that_of_the_old_functions_of_rdkit() -> None:
    """Which the published work called: 2,048 bits each."""
    molecule = Chem.MolFromSmiles(FIVE_CB)
    expected = np.concatenate(
        [
            dense(rdMolDescriptors.GetHashedAtomPairFingerprintAsBitVect(molecule), 2048),
            dense(rdMolDescriptors.GetHashedTopologicalTorsionFingerprintAsBitVect(molecule), 2048),
        ]
    )
    found = Fingerprint().transform([FIVE_CB])[0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_parts_stand_side_by_side() -> None:
    molecule = Chem.MolFromSmiles(EIGHT_CB)
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=3, fpSize=512)
    whole = Fingerprint(EVERY, counts=True, size=512, radius=3)
    row = whole.transform([EIGHT_CB])[0]
    assert row.shape == (4 * 512 + 167,) == (len(whole.names()),)
    np.testing.assert_array_equal(row[1024:1536], dense(morgan.GetCountFingerprint(molecule), 512))
    keys = dense(rdMolDescriptors.GetMACCSKeysFingerprint(molecule), 167)
    np.testing.assert_array_equal(row[1536:1703], keys)
    assert whole.names()[1536] == "maccs 0"
    parts = [Fingerprint(part, True, 512, 3).transform([EIGHT_CB]) for part in EVERY]
    np.testing.assert_array_equal(row, np.hstack(parts)[0])
    # every pair of heavy atoms is counted once
    assert row[:512].sum() == molecule.GetNumAtoms() * (molecule.GetNumAtoms() - 1) / 2


def test_ions_of_a_pair_stand_side_by_side() -> None:
    pair, single = Fingerprint(pair=True), Fingerprint()
    row = pair.transform([IonPair(EMIM, DCA)])[0]
    np.testing.assert_array_equal(row, single.transform([EMIM, DCA]).ravel())
    assert len(pair.names()) == 8192
    assert pair.names()[4096] == "anion atom_pair 0"
    molecule = pair.transform([FIVE_CB])[0]  # one network reads both
    np.testing.assert_array_equal(molecule[:4096], single.transform([FIVE_CB])[0])
    assert not molecule[4096:].any()
    salt = Fingerprint(counts=True).transform([IonPair(EMIM, DCA), f"{DCA}.{EMIM_TOO}"])
    np.testing.assert_array_equal(salt[0], salt[1])


@pytest.mark.parametrize("of", [Fingerprint(EVERY, counts=True), MoleculeDescriptors()])
def test_resonance_forms_are_one(of: Fingerprint | MoleculeDescriptors) -> None:
    forms = [(EMIM, EMIM_TOO), ("N#CN=C=[N-]", DCA), ("C1=CN=C[NH+]1C", "Cn1cc[nH+]c1")]
    for first, second in forms:
        one, other = of.transform([first, second])
        np.testing.assert_array_equal(one, other)


def test_resonance_forms_of_the_catalogue_are_one(data_home: Callable[[str], Path]) -> None:
    """Ions whose InChI with fixed hydrogens is equal: imidazolium ions, written both ways."""
    table = pd.read_csv(data_home("il-ions") / "cations.csv.gz")["smiles"]
    ring = Chem.MolFromSmarts("c1c[n+]cn1")
    parsed = [(text, Chem.MolFromSmiles(text)) for text in table]
    imidazolium = [text for text, m in parsed if m is not None and m.HasSubstructMatch(ring)][::12]
    assert len(imidazolium) > 50
    moved = [the_other_form(text) for text in imidazolium]
    assert [inchi_key(text) for text in moved] == [inchi_key(text) for text in imidazolium]
    changed = set(map(Chem.CanonSmiles, moved)) - set(map(Chem.CanonSmiles, imidazolium))
    assert len(changed) > 30
    for of in (Fingerprint(counts=True), MoleculeDescriptors()):
        np.testing.assert_array_equal(of.transform(imidazolium), of.transform(moved))


def the_other_form(smiles: str) -> str:
    """An imidazolium ion with the charge on its other nitrogen."""
    molecule = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    match = molecule.GetSubstructMatch(Chem.MolFromSmarts("[N+]=C-N(-*)-C=C"))
    if match:
        plus, neutral = (molecule.GetAtomWithIdx(match[i]) for i in (0, 2))
        plus.SetFormalCharge(0)
        neutral.SetFormalCharge(1)
        molecule.GetBondBetweenAtoms(match[0], match[1]).SetBondType(Chem.BondType.SINGLE)
        molecule.GetBondBetweenAtoms(match[1], match[2]).SetBondType(Chem.BondType.DOUBLE)
    return Chem.MolToSmiles(molecule)


@pytest.mark.parametrize(
    "smiles",
    ["CC(N)=O", "NC(N)=O", "O=C1CCC(=O)[N-]1", "[Cl][Al-]([Cl])([Cl])[Cl]", "[O-][Cl+2]([O-])[O-]"],
)
def test_canonical_form_invents_nothing(smiles: str) -> None:
    """No other tautomer, no metal taken apart, nothing that cannot be read back."""
    assert Chem.CanonSmiles(canonical_form(smiles)) in {
        Chem.CanonSmiles(smiles),
        Chem.CanonSmiles("O=C1CCC([O-])=N1"),  # resonance, not a tautomer
    }


@pytest.mark.parametrize("smiles", [EMIM, DCA, FIVE_CB, "CC(=O)[O-]", "F[P-](F)(F)(F)(F)F"])
def test_canonical_form_is_its_own(smiles: str) -> None:
    form = canonical_form(smiles)
    assert canonical_form(form) == form
    assert inchi_key(form) == inchi_key(smiles)


def test_collisions_of_circular_fingerprints() -> None:
    """The published reason against them: alkyl chains of different lengths."""
    items = [SEVEN_CB, EIGHT_CB, EMIM, NINE_CB, EMIM_TOO, CHLORIDE]
    table = collisions(items, Fingerprint("morgan"))
    assert table.to_dict("list") == {
        "group": [0, 0, 0],
        "row": [1, 2, 4],
        "item": [SEVEN_CB, EIGHT_CB, NINE_CB],
    }
    assert collisions(items, Fingerprint("morgan", counts=True)).empty
    assert collisions(items, Fingerprint()).empty
    pairs = [IonPair(EMIM, DCA), IonPair(EMIM_TOO, DCA), IonPair(EMIM, CHLORIDE)]
    assert collisions(pairs, Fingerprint("morgan", pair=True)).empty
    chains = [IonPair(f"{'C' * n}[n+]1ccn(C)c1", DCA) for n in (6, 7)]
    found = collisions(chains, Fingerprint("morgan", pair=True))
    assert found["item"].tolist() == [pair.smiles for pair in chains]


def test_an_item_that_is_not_fit_names_its_row() -> None:
    for item, rule in (("c1ccccc", "readable"), (StatePoint(IonPair(EMIM, DCA)), "IonPairVectors")):
        with pytest.raises(InputError, match=rule) as caught:
            Fingerprint(pair=True).transform([FIVE_CB, item])
        assert caught.value.row == 2
    for wrong in ({"fragments": ()}, {"fragments": "ecfp"}, {"size": 0}, {"radius": -1}):
        with pytest.raises(InputError):
            Fingerprint(**wrong)


def molecules(n: int = 12) -> Dataset:
    """Alkyl cyanobiphenyls and alcohols; the target is the length of the chain."""
    lengths = np.arange(2, n + 2)
    items = [
        f"{'C' * k}c1ccc(cc1)-c1ccc(cc1)C#N" if k % 2 else f"{'C' * k}O" for k in lengths.tolist()
    ]
    return Dataset(
        name="chains",
        ids=np.array([f"m{k}" for k in lengths]),
        items=tuple(items),
        targets=pd.DataFrame({"carbons": lengths.astype(float)}),
        quantities={"carbons": "carbons"},
    )


def test_columns_that_vary_are_decided_by_one_data_set() -> None:
    data, whole = molecules(), Fingerprint(counts=True, size=256)
    train = data.take(slice(0, 6))
    chosen = varying_columns(whole, train)
    X = whole.transform(train.items)
    expected = VarianceThreshold().fit(X).get_support(indices=True)
    assert chosen.kept == tuple(expected)
    assert 0 < len(chosen.kept) < 512
    np.testing.assert_array_equal(represent(chosen, data), whole.transform(data.items)[:, expected])
    assert chosen.names() == [whole.names()[i] for i in expected]
    fewer = varying_columns(whole, train, least_variance=1.0)
    assert set(fewer.kept) < set(chosen.kept)
    assert X.var(axis=0)[list(fewer.kept)].min() > 1.0
    with pytest.raises(InputError, match="chains: at least one column must vary"):
        varying_columns(whole, data.take([0]))
    with pytest.raises(InputError, match="at least one column"):
        SelectedColumns(whole, ())


@pytest.mark.parametrize(
    "model",
    [
        VectorRegressor(Fingerprint(), make_pipeline(VarianceThreshold(), Ridge())),
        VectorRegressor(Fingerprint(counts=True), TanimotoProcess()),
        VectorRegressor(Concatenated((MoleculeDescriptors(), Fingerprint("maccs"))), Ridge()),
        VectorRegressor(varying_columns(Fingerprint(), molecules()), Ridge()),
        ly.models.MultilayerPerceptron(
            varying_columns(Fingerprint(), molecules()), widths=(8,), epochs=2, least_steps=0
        ),
    ],
    ids=["filtered", "process", "descriptors", "columns", "perceptron"],
)
def test_predictor_is_saved_with_its_fingerprint(
    model: VectorRegressor | ly.models.MultilayerPerceptron, tmp_path: Path
) -> None:
    data = molecules()
    predictor = ly.Predictor.of(ly.FromScratch(model).fit(data))
    predictor.save(tmp_path / "saved")
    items = [FIVE_CB, "not a SMILES", "CCCCO"]
    expected = predictor.predict(items)
    found = ly.Predictor.load(tmp_path / "saved").predict(items)
    np.testing.assert_allclose(found["carbons"], expected["carbons"], rtol=1e-12)
    assert np.isnan(found["carbons"][1])
    assert "SMILES" in found["error"][1]
