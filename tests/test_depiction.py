"""Pictures: the same on every machine and for every spelling, cation left, blur as printed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden import artefact
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import InputError
from leyden.representations import collisions, represent
from leyden.representations.cache import cache_folder
from leyden.representations.depiction import Depiction, blur_sigma, blurred
from leyden.representations.drawing import drawn
from leyden.testing import check_representation

DRAWING, NUMBERS = Depiction(), Depiction("chemception")
PAIR = IonPair("CCCCCC[n+]1ccn(C)c1", "F[B-](F)(F)F")
CYANOBIPHENYL = "CCCCCc1ccc(cc1)-c1ccc(cc1)C#N"
ITEMS = [CYANOBIPHENYL, PAIR, "CCO", IonPair("C[N+](C)(C)C", "[Br-]")]


@pytest.mark.parametrize("case", [DRAWING, NUMBERS, Depiction(blur=3, rotations=3)], ids=repr)
def test_contract(case: Depiction, tmp_path: Path) -> None:
    check_representation(case, ITEMS)
    artefact.write(case, tmp_path / "saved")
    assert artefact.read(tmp_path / "saved") == case


def test_shape_and_background() -> None:
    for case in (DRAWING, NUMBERS):
        X = case.transform(ITEMS)
        assert X.shape == (4, 50, 100, 3)
        assert X.dtype == np.uint8
        assert (X[:, 0, 0] == case.background).all()  # corners are empty
        assert ((case.background != X).any(axis=(1, 2, 3))).all()


def test_one_picture_a_molecule_whatever_its_spelling() -> None:
    a, b = DRAWING.transform(["OCC", "C(C)O"])
    np.testing.assert_array_equal(a, b)
    ions = DRAWING.transform(
        [IonPair(cation, "[Cl-]") for cation in ("CC[n+]1ccn(C)c1", "CCn1cc[n+](C)c1")]
    )
    np.testing.assert_array_equal(*ions)
    assert collisions([f"{'C' * n}O" for n in range(2, 30)], DRAWING).empty


def test_the_cation_is_left() -> None:
    picture = DRAWING.transform([PAIR])[0]
    np.testing.assert_array_equal(picture[:, :50], drawn(PAIR.cation, "drawing", 50, 50))
    np.testing.assert_array_equal(picture[:, 50:], drawn(PAIR.anion, "drawing", 50, 50))
    bromide = NUMBERS.transform(ITEMS)[3]
    assert (bromide[:, :50] == 35).sum() == 0
    assert (bromide[:, 50:, 0] == 35).sum() == 1  # one pixel, as the paper says
    with pytest.raises(InputError, match="positive"):
        IonPair(PAIR.anion, PAIR.cation)


def test_a_long_axis_lies_along_the_rows() -> None:
    for smiles in (CYANOBIPHENYL, "C" * 20, "N#Cc1ccc(cc1)-c1ccc(cc1)-c1ccccc1"):
        rows, columns = np.nonzero((DRAWING.transform([smiles])[0] < 255).any(-1))
        assert np.ptp(columns) > 80
        assert np.ptp(columns) > 2 * np.ptp(rows)


def test_colours_tell_elements() -> None:
    chlorine, fluorine = DRAWING.transform(["CCCl", "CCF"]).reshape(2, -1, 3).astype(int)
    assert ((chlorine[:, 1] - chlorine[:, 0]) > 100).any()  # green
    assert ((fluorine[:, 2] - fluorine[:, 0]) > 100).any()  # cyan
    ink = DRAWING.transform(["CCC"])[0]
    assert (ink.max(-1) == ink.min(-1)).all()  # carbon is black


def test_chemception_by_hand() -> None:
    """Two atoms 1.5 angstrom apart, 0.5 angstrom a pixel: two pixels of bond between them."""
    picture = NUMBERS.transform(["CO"])[0]
    assert (picture == picture[:, :, :1]).all()
    rows, columns = np.nonzero(picture[:, :, 0])
    assert np.ptp(rows) == 0
    assert np.ptp(columns) == 3
    values = picture[rows[0], columns.min() : columns.max() + 1, 0]
    assert sorted(values) == [2, 2, 6, 8]
    assert {values[0], values[-1]} == {6, 8}


@given(st.lists(st.sampled_from("CNOS"), min_size=1, max_size=12))
def test_chemception_counts_atoms(atoms: list[str]) -> None:
    smiles = "C" + "C".join(atoms) + "C"
    picture = NUMBERS.transform([smiles])[0, :, :, 0]
    number = {"C": 6, "N": 7, "O": 8, "S": 16}
    expected = [number[letter] for letter in smiles]
    assert sorted(picture[picture > 2]) == sorted(expected)


def test_a_large_molecule_is_shrunk_until_it_fits() -> None:
    picture = NUMBERS.transform(["C" * 50])[0, :, :, 0]
    columns = np.nonzero(picture.any(axis=0))[0]
    assert 90 < np.ptp(columns) <= 99


def test_rotations() -> None:
    turned = Depiction("chemception", rotations=2).transform(["CCCO", "c1ccncc1"])
    assert turned.shape == (2, 2, 50, 100, 3)
    np.testing.assert_array_equal(turned[:, 0], NUMBERS.transform(["CCCO", "c1ccncc1"]))
    np.testing.assert_array_equal(turned[0, 1], turned[0, 0, ::-1, ::-1])  # half a circle
    quarter = Depiction("chemception", rotations=4).transform(["CO"])[0, 1, :, :, 0]
    assert np.ptp(np.nonzero(quarter)[0]) == 3
    assert np.ptp(np.nonzero(quarter)[1]) == 0
    narrow = Depiction(rotations=4, turn=40.0).transform([CYANOBIPHENYL])[0]
    for picture in narrow:  # upright, 10 degrees, -20 and -10: still longer than high
        rows, columns = np.nonzero((picture < 255).any(-1))
        assert np.ptp(columns) > 1.5 * np.ptp(rows)
    pair = Depiction(rotations=3).transform([PAIR])[0]
    assert len({picture[:, :50].tobytes() for picture in pair}) == 3
    assert len({picture[:, 50:].tobytes() for picture in pair}) == 3


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.92426), (5, 1.1), (7, 1.23485), (9, 1.34853)])
def test_blur_is_the_printed_gaussian(size: int, sigma: float) -> None:
    assert blur_sigma(size) == pytest.approx(sigma, abs=1e-5)
    point = np.zeros((1, 21, 31, 3), np.uint8)
    point[0, 10, 15] = 255
    steps = range(-(size // 2), size // 2 + 1)
    kernel = np.array([[math.exp(-(i * i + j * j) / (2 * sigma**2)) for i in steps] for j in steps])
    found = blurred(point, size)[0, :, :, 1].astype(float)
    half = size // 2
    window = found[10 - half : 11 + half, 15 - half : 16 + half]
    np.testing.assert_allclose(window, 255 * kernel / kernel.sum(), atol=0.51)
    assert found.sum() == window.sum()  # nothing outside the kernel
    even = np.full((1, 9, 9, 3), 200, np.uint8)
    np.testing.assert_array_equal(blurred(even, size), even)  # borders neither gain nor lose


def test_blur_of_a_depiction() -> None:
    sharp, soft = DRAWING.transform(ITEMS), Depiction(blur=5).transform(ITEMS)
    np.testing.assert_array_equal(soft, blurred(sharp, 5))
    assert (
        np.abs(np.diff(soft.astype(int), axis=2)).sum()
        < np.abs(np.diff(sharp.astype(int), axis=2)).sum()
    )


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("CCO.CC", "one molecule"),
        ("C[N+](C)(C)C.[Br-]", "IonPair"),
        ("", "SMILES"),
        ("C1CC", "SMILES"),
        ("C" * 400, "must fit"),
        (7.0, "SMILES or an ion pair"),
        (StatePoint(PAIR, 300.0), "SMILES or an ion pair"),
    ],
)
@pytest.mark.parametrize("case", [DRAWING, NUMBERS], ids=["drawing", "chemception"])
def test_what_cannot_be_drawn_names_its_row(case: Depiction, item: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        case.transform(["CC", item, "CO"])  # type: ignore[list-item]
    assert caught.value.row == 2


@pytest.mark.parametrize(
    "settings", [{"encoding": "photo"}, {"blur": 4}, {"blur": -3}, {"rotations": 0}, {"turn": 0.0}]
)
def test_what_a_depiction_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Depiction(**settings)  # type: ignore[arg-type]


def test_pictures_of_a_data_set_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path))
    items = ("CCO", "CCN", "CCC")
    data = Dataset(name="three", ids=items, items=items, targets=pd.DataFrame({"x_K": [1.0, 2, 3]}))
    X = represent(DRAWING, data)
    np.testing.assert_array_equal(X, DRAWING.transform(items))
    assert len(list((cache_folder() / "depictions").iterdir())) == 1
    represent(DRAWING, replace(data, _root=None))
    assert len(list((cache_folder() / "depictions").iterdir())) == 1
    represent(NUMBERS, data)
    assert len(list((cache_folder() / "depictions").iterdir())) == 2
