"""Composition models that judge the kept rows of a screening, and how they are scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.cross_fitting import out_of_fold
from leyden.data.dataset import Dataset
from leyden.models.vectors import VectorRegressor
from leyden.predictor import Predictor
from leyden.report import Report
from leyden.screening import CompositionJob, CompositionSpace, ModelBound, oxides
from leyden.screening.engine import run
from leyden.splits import GroupKFold
from leyden.studies.conductor_predictors import LIMITS, SYSTEM, Judges, judge, lithium_voltages
from leyden.studies.conductor_screen import tell_inside
from leyden.transfer import FromScratch

METALS = ("Na", "Mg", "Al", "Fe", "Co", "Mn", "Ti", "V", "Ni", "Cr")
GAP = "band_gap_eV"


def compounds(seed: int = 0) -> Dataset:
    """Gaps that grow with the share of oxygen; formulas of one system stand together."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "formula": f"Li{n}{metal}{other}O{o}",
            GAP: max(0.0, 8 * o / (n + o + 2) - 1.5 + 0.2 * rng.normal()),
            SYSTEM: f"Li-{metal}-{other}-O",
        }
        for metal in METALS
        for other in ("P", "S")
        for n, o in ((1, 1), (2, 3), (1, 4), (3, 8), (5, 2))
    ]
    return Dataset.from_table(pd.DataFrame(rows), target=GAP, groups=[SYSTEM])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judge(compounds(), tmp_path_factory.mktemp("judges"), trees=30)


def test_a_judge_is_scored_on_systems_that_it_has_not_seen(saved: Path) -> None:
    predictor, data = Predictor.load(saved), compounds()
    told = predictor.notes["left_out"]
    fresh = VectorRegressor(predictor.representation, predictor.model.regressor)
    tested = out_of_fold(FromScratch(fresh, group=SYSTEM), data, GroupKFold(SYSTEM, 5))
    errors = np.abs(data.y - np.ravel(tested.prediction))
    assert told["mae"] == pytest.approx(errors.mean())
    assert told["mae_of_median"] == pytest.approx(np.abs(data.y - np.median(data.y)).mean())
    assert (told["compounds"], told["systems"]) == (100, 20)
    hits = 0
    for held in range(5):  # each fold by the residuals of the others, by hand
        others = np.sort(errors[tested.fold != held])
        rank = int(np.ceil(0.9 * (len(others) + 1)))
        hits += (errors[tested.fold == held] <= others[rank - 1]).sum()
    assert told["coverage"] == pytest.approx(hits / 100)
    wide = data.y >= LIMITS[GAP]["minimum"]
    assert told["fulfil"] == wide.mean()
    chosen = np.ravel(tested.prediction) >= LIMITS[GAP]["minimum"]
    assert told["fulfil_where_predicted"] == wide[chosen].mean()
    assert 0 < chosen.sum() < 100
    assert told["mae"] < 0.6 * told["mae_of_median"]


def test_a_judge_is_learned_once(saved: Path) -> None:
    before = saved.stat().st_mtime_ns
    assert judge(compounds(), saved.parent, trees=30) == saved
    assert saved.stat().st_mtime_ns == before
    assert judge(compounds(1), saved.parent, trees=30) != saved
    assert judge(compounds(), saved.parent, trees=31) != saved


def test_the_page_tells_what_is_inside(saved: Path, tmp_path: Path) -> None:
    own = ModelBound(str(saved), GAP, minimum=1.0)
    space = CompositionSpace(elements=("Na", "P", "O"), parts=8)
    found = run(CompositionJob([oxides(), own], space=space), tmp_path / "out", progress=False)
    scores = pd.DataFrame([{"target": GAP, **Predictor.load(saved).notes["left_out"]}])
    report = Report("title", "lead")
    tell_inside(report, found, Judges((own,), scores, {}))
    page = report.html()
    assert "What is left where the model has been taught?" in page
    assert f"kept after {GAP}" in page
    assert found.rows["formula"].iloc[0] in page
    assert f"{GAP}_upper" not in page
    assert set(found.counts) >= {"after oxides", "kept", f"kept after {GAP}"}


def test_voltages_are_those_of_lithium(data_home: Callable[[str], Path]) -> None:
    data_home("mp-electrodes")
    data = lithium_voltages()
    assert len(data) > 1500
    assert all("Li" in formula for formula in data.items)
    assert data.targets.columns.tolist() == ["average_voltage_V"]
    assert 2 < np.median(data.y) < 5
    assert set(LIMITS) >= {"average_voltage_V", GAP}
