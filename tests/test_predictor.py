"""The predictor: one row per input whatever happens, and the same answers after a round trip."""

from __future__ import annotations

import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from leyden import artefact
from leyden.artefact import KINDS
from leyden.data.dataset import Dataset
from leyden.data.readers import Row
from leyden.errors import ArtefactError, IncompatibleError, InputError
from leyden.models.average import Average
from leyden.models.vectors import VectorRegressor, laplace_ridge
from leyden.predictor import Predictor
from leyden.representations import CompositionStatistics
from leyden.splits import GroupKFold
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

GOLDEN = Path(__file__).parent / "golden" / "predictor-v1.leyden"
ENERGY = "energy_eV_per_atom"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiny_crystals(60).with_targets([ENERGY, "log10_modulus_GPa"])


@pytest.fixture(scope="module")
def predictor(data: Dataset) -> Predictor:
    arm = FromScratch(VectorRegressor(CompositionStatistics(), laplace_ridge()))
    return Predictor.of(arm.fit(data.take(slice(40))), GroupKFold("formula", 4))


class TestTable:
    def test_columns_are_named_with_units(self, predictor: Predictor, data: Dataset) -> None:
        table = predictor.predict(data.items[40:])
        assert list(table.columns) == [
            "id",
            *(ENERGY + end for end in ("", "_std", "_lower", "_upper")),
            *("log10_modulus_GPa" + end for end in ("", "_std", "_lower", "_upper")),
            "in_domain_percentile",
            "nearest_training_ids",
            "error",
        ]
        assert table["id"].tolist() == [str(i + 1) for i in range(20)]
        assert table.attrs["level"] == 0.9
        assert (table["error"] == "").all()

    def test_values_are_those_of_the_model(self, predictor: Predictor, data: Dataset) -> None:
        X = predictor.representation.transform(data.items)
        table = predictor.predict(data, chunk=7)
        expected = predictor.model.predict(X)
        assert np.allclose(table[list(predictor.targets)], expected, rtol=0, atol=1e-12)
        assert table["id"].tolist() == data.ids.tolist()

    def test_intervals_hold_the_prediction(self, predictor: Predictor, data: Dataset) -> None:
        table = predictor.predict(data)
        assert (table[f"{ENERGY}_lower"] < table[ENERGY]).all()
        assert (table[ENERGY] < table[f"{ENERGY}_upper"]).all()

    def test_domain_of_training_rows_and_strangers(
        self, predictor: Predictor, data: Dataset
    ) -> None:
        table = predictor.predict([*data.items[:40], "Xe"])
        first = table["nearest_training_ids"].str.split("; ").str[0]
        formulas = {i: item.formula for i, item in zip(data.ids, data.items, strict=True)}
        assert [formulas[i] for i in first[:40]] == [item.formula for item in data.items[:40]]
        assert table["in_domain_percentile"].iloc[40] > 95
        assert table["in_domain_percentile"].iloc[:40].max() <= 100

    def test_no_items(self, predictor: Predictor) -> None:
        table = predictor.predict([])
        assert len(table) == 0
        assert ENERGY in table

    def test_structures_of_other_libraries(self, predictor: Predictor, data: Dataset) -> None:
        crystal = data.items[0]
        table = predictor.predict([crystal, crystal.to_structure(), crystal.to_atoms()])
        assert np.allclose(table[ENERGY], table[ENERGY][0])
        assert (table["error"] == "").all()


class TestBadRows:
    def test_they_come_back_in_their_place(self, predictor: Predictor, data: Dataset) -> None:
        good = data.items[0]
        table = predictor.predict([good, 3.5, good, None, "not a formula!", good], chunk=2)
        assert (table["error"] != "").tolist() == [False, True, False, True, True, False]
        assert table[ENERGY].isna().tolist() == [False, True, False, True, True, False]
        assert table["id"].tolist() == list("123456")

    def test_all_bad(self, predictor: Predictor) -> None:
        table = predictor.predict([None, None])
        assert (table["error"] != "").all()

    def test_they_raise_when_asked(self, predictor: Predictor, data: Dataset) -> None:
        with pytest.raises(InputError, match="row b"):
            predictor.predict([data.items[0], None], ids=["a", "b"], errors="raise")

    def test_errors_of_the_reader_are_kept(self, predictor: Predictor, data: Dataset) -> None:
        rows = [Row("a", None, "line 3 is no CIF", {}), Row("b", data.items[0], None, {})]
        table = pd.concat(predictor.predict_stream(rows))
        assert table["error"].tolist() == ["line 3 is no CIF", ""]

    def test_a_model_that_answers_nonsense(self) -> None:
        class Odd:
            def predict(self, X: np.ndarray) -> np.ndarray:
                return np.array([1.0, np.inf])

        table = Predictor(CompositionStatistics(), Odd(), ("x_eV",)).predict(["NaCl", "KCl"])
        assert table["error"].tolist() == ["", "the model gave a value that is not finite"]
        assert table["x_eV_std"].isna().all()

    def test_wrong_calls(self, predictor: Predictor, data: Dataset) -> None:
        with pytest.raises(IncompatibleError, match="1 ids for 2 items"):
            predictor.predict(data.items[:2], ids=["a"])
        with pytest.raises(InputError, match="'record' or 'raise'"):
            predictor.predict(data.items[:2], errors="ignore")
        with pytest.raises(IncompatibleError, match=r"2 values.*1 targets"):
            replace(predictor, targets=("a",)).predict(data.items[:2])


def test_memory_does_not_grow_with_the_stream(predictor: Predictor, data: Dataset) -> None:
    def peak(n: int) -> int:
        rows = (Row(str(i), data.items[i % 60], None, {}) for i in range(n))
        tracemalloc.start()
        done = sum(len(table) for table in predictor.predict_stream(rows))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert done == n
        return size

    assert peak(512) > 0  # what is loaded once
    assert peak(5120) < 1.2 * peak(512)


class TestFiles:
    def test_a_round_trip_changes_no_bit(
        self, predictor: Predictor, data: Dataset, tmp_path: Path
    ) -> None:
        predictor.save(tmp_path / "a.leyden")
        loaded = Predictor.load(tmp_path / "a.leyden")
        assert loaded.targets == predictor.targets
        assert loaded.fingerprint == data.take(slice(40)).fingerprint()
        assert loaded.notes == predictor.notes
        pd.testing.assert_frame_equal(loaded.predict(data), predictor.predict(data))
        loaded.save(tmp_path / "b.leyden")
        assert (tmp_path / "a.leyden").read_bytes() == (tmp_path / "b.leyden").read_bytes()

    def test_networks_averages_and_embeddings(self, data: Dataset, tmp_path: Path) -> None:
        """Objects in objects; the network that two of them share is stored once."""
        from leyden.models.crystal_graph_network import CrystalGraphNetwork
        from leyden.models.vectors import NetworkEmbedding
        from leyden.representations import represent

        network = CrystalGraphNetwork(width=8, convolutions=1, hidden=8, epochs=1, random_state=0)
        y = np.array(data.y)
        network.fit(represent(network.representation, data), y)
        vectors = VectorRegressor(NetworkEmbedding(network), LinearRegression())
        vectors.fit(represent(vectors.representation, data), y)
        average = Average([network, vectors], [1.0, 3.0])
        both = Predictor(average.representation, average, tuple(data.targets.columns))
        both.save(tmp_path / "a.leyden")
        loaded = Predictor.load(tmp_path / "a.leyden")
        pd.testing.assert_frame_equal(loaded.predict(data), both.predict(data))
        weights = sum(array.nbytes for array in network.state().values())
        assert (tmp_path / "a.leyden").stat().st_size < 1.9 * weights + 40_000

    def test_another_object_is_no_predictor(self, tmp_path: Path) -> None:
        artefact.write({"a": 1}, tmp_path / "a.leyden")
        with pytest.raises(ArtefactError, match="holds no predictor"):
            Predictor.load(tmp_path / "a.leyden")

    def test_every_kind_leads_to_its_class(self) -> None:
        for kind, place in KINDS.items():
            cls: Any = artefact.class_of(kind)
            assert cls.kind == kind
            assert place == f"{cls.__module__}:{cls.__qualname__}"

    def test_every_representation_and_model_can_be_saved(self) -> None:
        import leyden.models
        import leyden.representations

        for room in (leyden.models, leyden.representations):
            for name in room.__all__:
                kind = getattr(getattr(room, name), "kind", None)
                assert not isinstance(kind, str) or kind in KINDS, f"{name}: add it to KINDS"


class TestGolden:
    """A file of schema version 1: it must be readable for ever."""

    def test_it_predicts_what_it_did(self) -> None:
        golden = Predictor.load(GOLDEN)
        table = golden.predict([*tiny_crystals(14).items[11:], "NaCl"])
        assert golden.targets == (ENERGY,)
        assert table[ENERGY].iloc[:3].to_numpy() == pytest.approx(
            [-2.173886, -1.924118, -1.948374], abs=1e-5
        )
        assert np.isfinite(table[f"{ENERGY}_upper"].iloc[:3]).all()
        assert "a crystal graph is made of a Crystal" in table["error"][3]

    def test_its_version_is_one(self) -> None:
        with zipfile.ZipFile(GOLDEN) as archive:
            assert b'"schema_version": 1' in archive.read("manifest.json")
