"""Screening of ion pairs: as predicting every pair by itself, in any number of pieces."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from leyden.conformal import ConformalIntervals, IntervalsByCategory
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import ArtefactError, InputError
from leyden.ion_domain import CATEGORIES, IonDomain
from leyden.models import IonRecommender
from leyden.models.average import Average
from leyden.models.pair_process import PairProcess
from leyden.models.vectors import VectorRegressor, baselines
from leyden.predictor import Predictor
from leyden.representations import Concatenated, Fingerprint, MoleculeDescriptors
from leyden.representations.ion_pair import IonPairs, IonPairVectors, StatePoints
from leyden.screening import ion_pairs, pair_blocks
from leyden.screening.engine import Screening, run
from leyden.screening.ion_lists import checked_ions
from leyden.screening.ion_pairs import IonPairJob, pair_job_from_dict
from leyden.screening.pair_criteria import DomainLimit, PropertyLimit, pair_criterion
from leyden.screening.pareto import pareto_front
from leyden.screening.property_units import conversion
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

CATIONS = [f"{'C' * n}[N+](C)(C)C" for n in range(1, 8)] + ["CC[n+]1ccn(C)c1", "CC[n+]1ccccc1"]
ANIONS = [f"{'C' * n}OS(=O)(=O)[O-]" for n in range(1, 7)] + ["N#C[N-]C#N", "[Cl-]"]
IONS = pd.DataFrame({"smiles": CATIONS + ANIONS})
TARGETS = {
    "melting_point_K": (300.0, 40.0),
    "log10_viscosity_Pa_s": (-1.3, 0.3),
    "log10_conductivity_S_per_m": (-0.3, 0.3),
}
STATE = {"temperature_K": 350.0, "pressure_kPa": 200.0}
CRITERIA = ("melting_point_K < 305", "viscosity_mPa_s < 60", "conductivity_mS_per_cm > 3.5")
OBJECTIVES = ("max conductivity_mS_per_cm", "min viscosity_mPa_s", "min melting_point_K")


def models() -> list[Predictor]:
    """Linear in few fingerprint counts, T and P; intervals that differ by category."""
    rng = np.random.default_rng(0)
    representation = IonPairVectors(Fingerprint("morgan", counts=True, size=16))
    items = [
        StatePoint(IonPair(c, a), float(rng.uniform(290, 400)), 101.325)
        for c in CATIONS[:6]
        for a in ANIONS[:5]
        if rng.random() < 0.6
    ]
    X = representation.transform(items)
    made = []
    for number, (target, (mean, spread)) in enumerate(TARGETS.items()):
        y = mean + spread * rng.normal(size=len(items))
        model = VectorRegressor(representation, Ridge(10.0)).fit(X, y)
        own = {
            category: ConformalIntervals(0.5).fit(np.full(9, spread * (k + 1) / 9), np.zeros(9))
            for k, category in enumerate(CATEGORIES)
        }
        domain = IonDomain.of(items[number:])
        made.append(
            Predictor(representation, model, (target,), IntervalsByCategory(0.5, own), domain)
        )
    return made


@pytest.fixture(scope="module")
def three() -> list[Predictor]:
    return models()


@pytest.fixture(scope="module")
def files(three: list[Predictor], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    for model in three:
        model.save(folder / f"{model.targets[0]}.leyden")
    return [folder / f"{target}.leyden" for target in TARGETS]


@pytest.fixture(scope="module")
def one_by_one(three: list[Predictor]) -> pd.DataFrame:
    """All pairs as `Predictor.predict` tells them, in units written out here."""
    pairs = [IonPair(c, a) for c in CATIONS for a in ANIONS]
    table = pd.DataFrame(
        {"cation": [p.keys[0] for p in pairs], "anion": [p.keys[1] for p in pairs]}
    )
    units = {
        "melting_point_K": ("melting_point_K", lambda x: x),
        "log10_viscosity_Pa_s": ("viscosity_mPa_s", lambda x: 1000 * 10**x),
        "log10_conductivity_S_per_m": ("conductivity_mS_per_cm", lambda x: 10 * 10**x),
    }
    for model in three:
        told = model.predict([StatePoint(pair, 350.0, 200.0) for pair in pairs])
        name, convert = units[model.targets[0]]
        for end in ("", "_lower", "_upper"):
            table[name + end] = convert(told[model.targets[0] + end])
        table[f"{name}_domain"] = told["domain"]
    return table


def job(models: Sequence[Any], **options: Any) -> IonPairJob:
    texts = options.pop("criteria", CRITERIA)
    plain: dict[str, Any] = {"ions": IONS, "objectives": OBJECTIVES, **STATE, "pairs_a_shard": 20}
    return IonPairJob(
        models=models, criteria=list(map(pair_criterion, texts)), **{**plain, **options}
    )


def brute_front(costs: np.ndarray) -> list[int]:
    return [
        i
        for i, own in enumerate(costs)
        if not np.isnan(own).any()
        and not any((other <= own).all() and (other < own).any() for other in costs)
    ]


def same(rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal, in any order of rows, up to rounding and categories."""
    by = ["cation", "anion"]
    plain = [
        own.astype({column: str for column in own.columns if own[column].dtype.kind not in "f"})
        .sort_values(by)
        .reset_index(drop=True)[expected.columns]
        for own in (rows, expected)
    ]
    pd.testing.assert_frame_equal(*plain, check_exact=False, rtol=1e-9)


def test_every_pair_as_it_is_predicted_by_itself(
    three: list[Predictor], one_by_one: pd.DataFrame, tmp_path: Path
) -> None:
    result = run(job(three, rows="all"), tmp_path / "out", progress=False)
    kept = pd.concat(map(pd.read_parquet, (tmp_path / "out" / "shards").glob("*.parquet")))
    assert result.candidates == len(kept) == len(CATIONS) * len(ANIONS)
    same(kept, one_by_one)
    assert len(set(one_by_one["viscosity_mPa_s_domain"])) == 5
    passes = (
        (one_by_one["melting_point_K"] < 305)
        & (one_by_one["viscosity_mPa_s"] < 60)
        & (one_by_one["conductivity_mS_per_cm"] > 3.5)
    )
    assert 5 < passes.sum() < 60
    assert kept["passes"].sum() == passes.sum() == list(result.counts.values())[-1]
    assert result.counts["viscosity_mPa_s < 60"] == int(
        ((one_by_one["melting_point_K"] < 305) & (one_by_one["viscosity_mPa_s"] < 60)).sum()
    )
    left = one_by_one[passes]
    costs = left[["conductivity_mS_per_cm", "viscosity_mPa_s", "melting_point_K"]].to_numpy(float)
    front = brute_front(costs * [-1, 1, 1])
    assert 1 < len(front) < passes.sum()
    same(result.rows, left.iloc[front])
    best = result.rows["conductivity_mS_per_cm"].to_numpy()
    assert (np.diff(best) <= 0).all()
    assert Screening.load(tmp_path / "out").counts == result.counts


@pytest.mark.parametrize("step", [1, 7, 30, 10_000])
def test_pieces_make_no_difference(three: list[Predictor], step: int, tmp_path: Path) -> None:
    whole = job(three).run_all()
    run(job(three, pairs_a_shard=step), tmp_path / "out", progress=False)
    found = Screening.load(tmp_path / "out")
    assert found.counts == whole.counts
    pd.testing.assert_frame_equal(found.rows, whole.rows.astype(found.rows.dtypes))


def test_confidence_and_domain(three: list[Predictor], one_by_one: pd.DataFrame) -> None:
    sure = [
        {"target": "melting_point_K", "below": 320, "confident": True},
        {"target": "conductivity_mS_per_cm", "above": 2.0, "confident": True},
        {"at_most": "ions seen"},
        {"at_most": "pair seen", "target": "melting_point_K"},
    ]
    counts = list(job(three, criteria=sure, objectives=()).run_all().counts.values())[2:]
    seen = ("pair seen", "ions seen")
    names = ("melting_point_K", "log10_viscosity_Pa_s", "conductivity_mS_per_cm")
    assert (
        job(three, criteria=sure, objectives=()).run_all().rows.columns.str.startswith(names).sum()
        == 3 * 4
    )
    tests = [
        one_by_one["melting_point_K_upper"] < 320,
        one_by_one["conductivity_mS_per_cm_lower"] > 2.0,
        one_by_one.filter(like="_domain").isin(seen).all(axis=1),
        one_by_one["melting_point_K_domain"] == "pair seen",
    ]
    expected = [int(np.logical_and.reduce(tests[: n + 1]).sum()) for n in range(4)]
    assert counts == expected
    assert expected[0] > expected[1] > expected[2] > expected[3] > 0


def test_one_objective_and_none(three: list[Predictor], one_by_one: pd.DataFrame) -> None:
    best = job(three, criteria=(), objectives=["min viscosity_mPa_s"], keep=5).run_all().rows
    expected = np.sort(one_by_one["viscosity_mPa_s"])[:5]
    np.testing.assert_allclose(best["viscosity_mPa_s"], expected, rtol=1e-9)
    assert job(three, criteria=(), objectives=(), keep=5).run_all().rows["key"].tolist() == [
        *range(5)
    ]


def test_broken_off_and_gone_on(files: list[Path], tmp_path: Path) -> None:
    whole = run(job(files), tmp_path / "whole", progress=False)

    class Stopped(IonPairJob):
        def run(self, shard: int) -> Any:
            if shard == 3:
                raise KeyboardInterrupt
            return super().run(shard)

    own = job(files)
    object.__setattr__(own, "__class__", Stopped)
    with pytest.raises(KeyboardInterrupt):
        run(own, tmp_path / "out", progress=False)
    assert 0 < len(list((tmp_path / "out" / "shards").iterdir())) < own.shards()
    again = run(job(files), tmp_path / "out", progress=False)
    assert again.counts == whole.counts
    for name in ("rows.parquet", "manifest.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(InputError, match="350"):
        run(job(files, temperature_K=351.0), tmp_path / "out", progress=False)


def test_a_job_of_files_is_small(files: list[Path]) -> None:
    text = pickle.dumps(job(files))
    assert len(text) < 20_000
    assert pickle.loads(text).fingerprint() == job(files).fingerprint()


def blend() -> Predictor:
    """A process on pairs and a recommender, each with descriptors of its own ions."""
    rng = np.random.default_rng(1)
    first = IonPairs(Concatenated((MoleculeDescriptors(), Fingerprint("morgan", True, 32))))
    second = IonPairs(MoleculeDescriptors())
    items = [IonPair(c, a) for c in CATIONS[:7] for a in ANIONS[:6]]
    y = rng.normal(300.0, 20.0, len(items))
    process = PairProcess(first, steps=2).fit(first.transform(items), y)
    network = IonRecommender(second, forms="constant", epochs=2, least_steps=5)
    network.fit(second.transform(items), y)
    model = Average([process, network], [1.0, 3.0])
    return Predictor(model.representation, model, ("melting_point_K",), None, IonDomain.of(items))


def test_models_that_know_the_ions_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = blend()
    asked = job([predictor], criteria=["melting_point_K < 300"], objectives=(), rows="all")
    pairs = [IonPair(c, a) for c in CATIONS for a in ANIONS]
    told = predictor.predict([StatePoint(pair, 350.0, 200.0) for pair in pairs])
    expected = dict(zip([pair.keys for pair in pairs], told["melting_point_K"], strict=True))

    def check(own: IonPairJob) -> None:
        rows = pd.concat([own.run(shard).rows for shard in range(own.shards())])
        assert len(rows) == len(pairs)
        keys = zip(rows["cation"].astype(str), rows["anion"].astype(str), strict=True)
        np.testing.assert_allclose(
            rows["melting_point_K"], [expected[key] for key in keys], rtol=1e-5
        )

    check(asked)
    packed = pickle.dumps(asked)  # as on a worker: no ion is represented anew
    ion_pairs._GRIDS.clear()
    monkeypatch.setattr(pair_blocks, "represented_ions", None)
    check(pickle.loads(packed))


def test_memory_does_not_grow_with_the_pairs(three: list[Predictor], tmp_path: Path) -> None:
    def peak(cations: int) -> int:
        ends = ("", "F", "Cl", "Br", "O", "S", "I", "N#C", "C=C", "C#C")
        texts = [f"{ends[n % 10]}{'C' * (2 + n // 10)}[P+](C)(C)C" for n in range(cations)]
        own = job(three, ions=pd.DataFrame({"smiles": texts + ANIONS}), pairs_a_shard=160)
        tracemalloc.start()
        result = run(own, tmp_path / str(cations), progress=False)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result.candidates > 7 * cations
        return size

    peak(20)
    assert peak(100) < 1.3 * peak(40) + 100_000


class TestIons:
    def test_bad_ones_are_told_and_do_not_vanish(self, three: list[Predictor]) -> None:
        bad = {
            "C[N+](C)(C": "readable",
            "CCO": "no net charge",
            "C[N+](C)(C)CC(=O)[O-]": "no net charge",
            "[Ca+2]": "charge +2",
            "C[NH3+].[Cl-]": "several species",
            "CCn1cc[n+](C)c1": "the same ion as row 8",
            "": "readable",
        }
        given = pd.DataFrame({"smiles": [*IONS["smiles"], *bad]})
        own = job(three, ions=given)
        assert len(own.checked) == len(given)
        assert (own.checked["error"].iloc[: len(IONS)] == "").all()
        for told, expected in zip(
            own.checked["error"].iloc[len(IONS) :], bad.values(), strict=True
        ):
            assert expected in told
        assert own.run_all().counts == job(three).run_all().counts
        assert any("7 of 24 ions" in remark for remark in own.remarks())

    def test_a_wrong_charge_is_told(self) -> None:
        table = pd.DataFrame({"smiles": ["[Cl-]", "[Br-]", "[I-]"], "charge": ["-1", "1", ""]})
        told = checked_ions([("mine", table)])
        assert told["error"].tolist() == ["", "the list gives the charge 1, the SMILES -1", ""]
        assert told["charge"].tolist() == [-1, -1, -1]

    def test_an_ion_that_a_model_does_not_take(self, three: list[Predictor]) -> None:
        fussy = replace(three[0], representation=IonPairs(Fussy()), model=Sums())
        own = job([fussy, *three[1:]], objectives=(), criteria=())
        told = own.checked.set_index("smiles")["error"]
        assert "no chloride" in told["[Cl-]"]
        assert "melting_point_K" in told["[Cl-]"]
        assert own.run_all().counts["pairs"] == len(CATIONS) * (len(ANIONS) - 1)
        assert pickle.loads(pickle.dumps(own)).fingerprint() == own.fingerprint()

    def test_lists_of_files(self, three: list[Predictor], tmp_path: Path) -> None:
        IONS.iloc[:9].to_csv(tmp_path / "a.csv", index=False)
        IONS.iloc[9:].to_parquet(tmp_path / "b.parquet")
        own = job(three, ions=[tmp_path / "a.csv", tmp_path / "b.parquet"])
        assert own.run_all().counts == job(three).run_all().counts
        assert own.checked["source"].tolist()[0].endswith("a.csv")


@dataclass(frozen=True)
class Fussy:
    """One number an ion; no chloride."""

    kind: ClassVar[str] = "fussy"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        if "[Cl-]" in items:
            raise InputError("no chloride", row=list(items).index("[Cl-]") + 1)
        return np.array([[float(len(item))] for item in items])


class Sums:
    """Reads state points as they are."""

    def predict(self, X: StatePoints) -> np.ndarray:
        first, second = X.cations.vectors[X.cation, 0], X.anions.vectors[X.anion, 0]
        return np.asarray(first + 100 * second + X.temperature_K)


class Odd(Sums):
    """Has no value for one anion."""

    def predict(self, X: StatePoints) -> np.ndarray:
        return np.where(X.anion == 0, np.nan, super().predict(X))


def test_a_model_that_gives_no_number(three: list[Predictor]) -> None:
    odd = replace(three[0], representation=IonPairs(Lengths()), model=Odd())
    result = job([odd], criteria=["melting_point_K > 0"], objectives=()).run_all()
    assert list(result.counts.values()) == [72, 63, 63]
    assert "[Cl-]" in set(result.rows["anion_smiles"])


class Lengths(Fussy):
    """One number an ion."""

    def transform(self, items: Sequence[str]) -> np.ndarray:
        return np.array([[float(len(item))] for item in items])


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"criteria": ["viscosty_mPa_s < 50"]}, "did you mean 'viscosity_Pa_s'"),
            ({"criteria": ["viscosity_mS_per_cm < 50"]}, "viscosity_mPa_s"),
            ({"objectives": ["max density_kg_per_m3"]}, "no model predicts"),
            ({"objectives": ["best viscosity_mPa_s"]}, "'min' or 'max'"),
            ({"criteria": ["viscosity_mPa_s < 5"] * 2}, "twice"),
            ({"temperature_K": 25.0}, "Celsius"),
            ({"pressure_kPa": 0.1}, "MPa"),
            ({"temperature_K": "300"}, "temperature_K"),
            ({"rows": "best"}, "'passing' or 'all'"),
            ({"keep": 0}, "at least 1"),
            ({"ions": IONS.iloc[:0]}, "no cation"),
            ({"ions": IONS.iloc[:9]}, "no anion"),
            ({"ions": IONS.rename(columns={"smiles": "SMILES"})}, "column smiles"),
            ({"ions": 3}, "a table or a file"),
            ({"ions": "absent.csv"}, "absent.csv"),
        ],
    )
    def test_values(self, three: list[Predictor], options: dict[str, Any], told: str) -> None:
        with pytest.raises(InputError, match=told):
            job(three, **options)

    @pytest.mark.parametrize(
        ("criterion", "told"),
        [
            ("viscosity_mPa_s", "< or >"),
            ("viscosity < 50 mPa s", "< or >"),
            ("viscosity < 50mPa", "unit stands in the name"),
            ("viscosity_mPa_s < nan", "is a number"),
            ({"target": "a_K"}, "below or above"),
            ({"target": "a_K", "below": 1, "above": 0}, "below or above"),
            ({"target": "a_K", "below": "1"}, "is a number"),
            ({"target": "a_K", "bellow": 1}, "did you mean 'below'"),
            ({"at_most": "ion seen"}, "did you mean 'ions seen'"),
            ({"below": 1}, "has a target"),
            (3, "is a table"),
        ],
    )
    def test_criteria(self, criterion: Any, told: str) -> None:
        with pytest.raises(InputError, match=told):
            pair_criterion(criterion)

    def test_models(self, three: list[Predictor], files: list[Path], tmp_path: Path) -> None:
        crystals = tiny_crystals(20).with_targets("energy_eV_per_atom")
        other = Predictor.of(FromScratch(baselines()["ridge"]).fit(crystals))
        with pytest.raises(InputError, match="takes none of these ion pairs"):
            job([other], criteria=(), objectives=())
        with pytest.raises(InputError, match="same property"):
            job([*three, three[0]])
        (tmp_path / "short.leyden").write_bytes(files[0].read_bytes()[:-100])
        with pytest.raises(ArtefactError, match=r"short\.leyden"):
            job([tmp_path / "short.leyden"])
        with pytest.raises(InputError, match=r"absent\.leyden"):
            job([tmp_path / "absent.leyden"])
        with pytest.raises(InputError, match="sha256"):
            job([{"file": files[0], "sha256": "0"}])
        bare = replace(three[0], calibration=None, in_domain=None)
        sure = {"target": "melting_point_K", "below": 300, "confident": True}
        with pytest.raises(InputError, match="has no intervals"):
            job([bare], criteria=[sure], objectives=())
        with pytest.raises(InputError, match="cannot tell what it knows"):
            job([bare], criteria=[{"at_most": "ions seen"}], objectives=())
        assert len(job([bare], criteria=(), objectives=()).run_all().rows) == 72

    def test_tables(self, files: list[Path]) -> None:
        with pytest.raises(InputError, match="needs ions"):
            pair_job_from_dict({"models": files})
        with pytest.raises(InputError, match="did you mean 'models'"):
            pair_job_from_dict({"ions": ["a.csv"], "model": files})
        with pytest.raises(InputError, match="are a list"):
            pair_job_from_dict({"ions": "a.csv", "models": files})


class TestUnits:
    @pytest.mark.parametrize(
        ("asked", "target", "value", "expected"),
        [
            ("viscosity_mPa_s", "log10_viscosity_Pa_s", -2.0, 10.0),
            ("log10_viscosity_mPa_s", "log10_viscosity_Pa_s", -2.0, 1.0),
            ("log10_viscosity_Pa_s", "viscosity_mPa_s", 10.0, -2.0),
            ("viscosity_P", "viscosity_mPa_s", 250.0, 2.5),
            ("conductivity_mS_per_cm", "log10_conductivity_S_per_m", 0.0, 10.0),
            ("conductivity_S_per_cm", "conductivity_S_per_m", 250.0, 2.5),
            ("melting_point_C", "melting_point_K", 298.15, 25.0),
            ("melting_point_K", "melting_point_C", 25.0, 298.15),
            ("density_g_per_cm3", "density_kg_per_m3", 1250.0, 1.25),
            ("surface_tension_mN_per_m", "surface_tension_N_per_m", 0.045, 45.0),
            ("heat_capacity_kJ_per_mol_K", "heat_capacity_J_per_mol_K", 500.0, 0.5),
            ("odd_thing", "odd_thing", 3.0, 3.0),
        ],
    )
    def test_known_values(self, asked: str, target: str, value: float, expected: float) -> None:
        convert = conversion(asked, ["other_K", target])
        assert convert.target == target
        assert convert(np.array([value]))[0] == pytest.approx(expected)

    def test_an_unbounded_interval(self) -> None:
        ends = conversion("viscosity_mPa_s", ["log10_viscosity_Pa_s"])(np.array([-np.inf, np.inf]))
        assert ends.tolist() == [0.0, np.inf]


class TestFront:
    @given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
    def test_against_all_pairs(self, rows: list[tuple[int, int, int]]) -> None:
        costs = np.array(rows, float).reshape(-1, 3)
        assert pareto_front(costs).tolist() == brute_front(costs)

    @given(st.integers(0, 10_000), st.integers(1, 4))
    def test_of_parts(self, seed: int, k: int) -> None:
        costs = np.random.default_rng(seed).integers(0, 6, (30, k)).astype(float)
        parts = np.concatenate([pareto_front(costs[:13]), 13 + pareto_front(costs[13:])])
        assert parts[pareto_front(costs[parts])].tolist() == pareto_front(costs).tolist()

    def test_edges(self) -> None:
        assert len(pareto_front(np.empty((0, 2)))) == 0
        assert pareto_front(np.array([[1.0, np.nan], [2.0, 2.0]])).tolist() == [1]
        assert pareto_front(np.array([[np.inf, 0.0], [0.0, np.inf]])).tolist() == [0, 1]


def test_names_of_criteria() -> None:
    assert PropertyLimit("a_K", above=2.5, confident=True).name == "a_K > 2.5, confident"
    assert DomainLimit("ions seen", "a_K").name == "at most ions seen by a_K"
    for own in (PropertyLimit("a_K", below=1.0), DomainLimit("ions seen")):
        assert pair_criterion(own.to_dict()) == own
