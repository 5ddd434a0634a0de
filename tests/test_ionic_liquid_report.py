"""The report of the study `ionic-liquids`, on findings whose answers are known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint
from leyden.data.molecules import inchi_key
from leyden.evaluation import Evaluation
from leyden.ion_domain import CATEGORIES
from leyden.screening.engine import Screening
from leyden.studies.averages import with_averages
from leyden.studies.drawn_errors import DrawnErrors, Ratio, told_by_verdict
from leyden.studies.ion_families import OTHER, ion_family
from leyden.studies.ionic_liquid_arms import (
    AVERAGES,
    HEADLINE,
    HYBRID,
    PROPERTIES,
    SCRATCH,
    STACKED,
    TEACHERS,
    Effort,
    Property,
    Sources,
)
from leyden.studies.ionic_liquid_comparisons import SPLITS, Comparison, relative
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_misses import headline_rows
from leyden.studies.ionic_liquid_report import build_report
from leyden.studies.ionic_liquid_screen import PairScreening
from leyden.studies.ionic_liquid_tables import (
    answers,
    arm_table,
    cleaning_table,
    coverage_table,
    drawn_errors,
    floor_table,
    front_table,
    transfer_table,
)
from leyden.studies.ionic_liquid_told import chosen_after_a_look
from leyden.studies.ionic_liquid_transfer import published_finding

CATIONS = [f"CC[n+]1ccn({'C' * n})c1" for n in range(1, 6)]
CATIONS += [f"C[N+]1({'C' * n})CCCC1" for n in range(2, 5)]
CATIONS += [f"{'C' * n}[n+]1ccccc1" for n in range(2, 4)] + ["CCCC[N+](CC)(CC)CC", "C[S+](C)C"]
ANIONS = ["[Br-]", "F[B-](F)(F)F", "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F", "CC(=O)[O-]"]
ANIONS += ["N#C[N-]C#N", "CS(=O)(=O)[O-]"]
KEY = {smiles: inchi_key(smiles) for smiles in [*CATIONS, *ANIONS]}
CENTRE = {
    "density": 1200.0,
    "viscosity": -1.0,
    "conductivity": 0.0,
    "surface_tension": 0.045,
    "heat_capacity": 400.0,
    "melting_point": 310.0,
    "glass_transition": 200.0,
}
FOLDS = 3


def dataset(property: Property) -> Dataset:
    """Two state points of each pair, or the pair itself."""
    random = np.random.default_rng(len(property.name))
    points = property.shape != "constant"
    items, groups = [], []
    for cation in CATIONS:
        for anion in ANIONS:
            pair = IonPair(cation, anion)
            kelvin = (298.15, 333.15) if points else (0.0,)
            items += [StatePoint(pair, own, 101.325) if points else pair for own in kelvin]
            keys = [KEY[cation], KEY[anion]]
            groups += [[".".join(keys), *keys]] * len(kelvin)
    spread = 1.0 if abs(CENTRE[property.name]) <= 1 else 0.1 * CENTRE[property.name]
    spread = 0.005 if property.name == "surface_tension" else spread
    table = pd.DataFrame(groups, columns=["pair", "cation", "anion"])
    state = {"temperature_K": [own.temperature_K for own in items]} if points else {}
    return Dataset(
        name=property.name,
        ids=np.array([f"row {n}" for n in range(len(items))]),
        items=tuple(items),
        targets=pd.DataFrame(
            {property.target: CENTRE[property.name] + spread * random.normal(size=len(items))}
        ),
        groups=table,
        conditions=pd.DataFrame(state),
    )


def factors(property: Property, every_source: bool = True) -> dict[str, float]:
    """The arms of the study, and how large their errors are."""
    found = {
        "gradient boosting": 1.0,
        "fingerprint perceptron": 1.6,
        "group contributions": 3.0,
        "process on pairs": 0.7,
    }
    if property.shape == "constant":
        found |= {"extra trees": 1.1, "Tanimoto process": 0.95}
    taught = [one.title for one in PROPERTIES if one.name in TEACHERS and one != property]
    lessons = ["simulations", *([f"simulated {property.title}"] if property.simulated else [])]
    lessons += [f"measured {title}" for title in taught]
    found |= {SCRATCH: 1.5, HYBRID: 0.9}
    lessons = lessons if every_source else lessons[:1]
    found |= {f"{SCRATCH}, {one}": 0.75 - 0.1 * n for n, one in enumerate(lessons)}
    if every_source:
        found |= {f"{SCRATCH}, measured {taught[0]}, no shared items": 1.5}
    found |= {f"{HYBRID}, {one}": 0.95 for one in dict.fromkeys((lessons[0], lessons[-1]))}
    return found | {HEADLINE: 0.5}


def comparison(property: Property, data: Dataset, unseen: str) -> Comparison:
    """Errors of all arms, proportional to each other row by row."""
    random = np.random.default_rng(sum(map(ord, property.name + unseen)))
    groups = data.groups[SPLITS[unseen]].to_numpy(str)
    names, number = np.unique(groups, return_inverse=True)
    fold = (random.permutation(len(names)) % FOLDS)[number]
    spread = 0.05 * np.std(data.y)
    error = spread * random.normal(size=len(data))
    parts, tasks = [], []
    for arm, factor in factors(property, unseen == "pairs").items():
        noise = 0.2 * spread * random.normal(size=len(data))
        parts.append(
            pd.DataFrame(
                {
                    "id": data.ids,
                    "repeat": 0,
                    "fold": fold,
                    "size": 0,
                    "group": groups,
                    "arm": arm,
                    "target": property.target,
                    "y_true": data.y,
                    "y_pred": data.y + factor * (error + noise),
                    "y_std": np.nan,
                    "y_fallback": data.y.mean(),
                    "train_rows": len(data) * 2 // 3,
                }
            )
        )
        notes = {"shared_items": 7} if arm.startswith(f"{SCRATCH}, ") else {}
        tasks += [
            {
                "repeat": 0,
                "fold": k,
                "size": 0,
                "arm": arm,
                "train_rows": 10,
                "test_rows": 5,
                "seconds": 1.0,
                "error": None,
                "notes": notes,
            }
            for k in range(FOLDS)
        ]
    about = {"split": "", "group": SPLITS[unseen], "reference": SCRATCH, "transfers": []}
    evaluation = with_averages(Evaluation(pd.concat(parts), tasks, about), AVERAGES)
    intervals = pd.DataFrame({"id": data.ids, "group": groups, "y_true": data.y})
    intervals["hit"] = np.arange(len(data)) % 10 != 0
    intervals = intervals.assign(low=data.y - 2 * spread, high=data.y + 2 * spread)
    weights = pd.DataFrame([{"fold": k, **dict.fromkeys(STACKED, 0.25)} for k in range(FOLDS)])
    scored = relative(evaluation) if property.relative else evaluation
    return Comparison(scored, evaluation, intervals, weights)


def solvation_energies(factor: float) -> Evaluation:
    """Three arms on solvation energies."""
    random = np.random.default_rng(0)
    y, error = random.normal(-5, 2, 200), random.normal(0, 1, 200)
    parts, tasks = [], []
    for arm, scale in {"scratch": 1.0, "fine-tuned": factor, "source as it is": 1.4}.items():
        rows = {"id": np.arange(200).astype(str), "repeat": 0, "fold": np.arange(200) % 2}
        rows |= {"size": 0, "group": (np.arange(200) // 4).astype(str), "arm": arm}
        rows |= {"target": "solvation_energy_kcal_per_mol", "y_true": y, "train_rows": 100}
        rows |= {"y_pred": y + scale * error, "y_std": np.nan, "y_fallback": y.mean()}
        parts.append(pd.DataFrame(rows))
        tasks += [{"arm": arm, "fold": k, "error": None, "notes": {}} for k in range(2)]
    about = {"reference": "scratch", "transfers": ["fine-tuned"]}
    return Evaluation(pd.concat(parts), tasks, about)


def screening(rows: int) -> PairScreening:
    random = np.random.default_rng(1)
    table = pd.DataFrame({"key": np.arange(rows)})
    for name, pool in (("cation", CATIONS), ("anion", ANIONS)):
        smiles = random.choice(pool, rows) if rows else []
        table[name], table[f"{name}_smiles"] = [KEY[own] for own in smiles], smiles
    for name, low, high in (
        ("conductivity_mS_per_cm", 5, 30),
        ("viscosity_mPa_s", 5, 50),
        ("melting_point_K", 200, 298),
    ):
        value = np.sort(random.uniform(low, high, rows))
        table[name], table[f"{name}_lower"], table[f"{name}_upper"] = value, value / 2, value * 2
        codes = random.integers(0, 2, rows)
        table[f"{name}_domain"] = pd.Categorical.from_codes(codes, CATEGORIES, ordered=True)
    counts = {"pairs": 72, "predicted": 72, "melting_point_K < 298": rows}
    ions = pd.DataFrame(
        {
            "inchikey": list(KEY.values()),
            "smiles": list(KEY),
            "charge": [1] * len(CATIONS) + [-1] * len(ANIONS),
            "sources": ["ilthermo"] * 9 + ["ilthermo; il-ions"] * 9,
            "licence": ["MIT"] * 9 + ["MIT; CC-BY-4.0"] * 9,
        }
    )
    result = Screening(counts, table, 72, Path("."))
    return PairScreening(result, ions, ions.assign(error=""), 7, 1.5, 2)


@pytest.fixture(scope="module")
def found() -> Findings:
    datasets = {one.name: dataset(one) for one in PROPERTIES}
    log = pd.DataFrame(
        {
            "step": ["source", "units", "nothing"],
            "why": ["what the source holds", "a slip of a factor of ten", "never happens"],
            "rows": [200, 200, 190],
            "removed": [0, 10, 0],
            "mended": [0, 3, 0],
            "pairs": [80, 72, 72],
            "examples": ["", "", ""],
        }
    )
    spread = {"spread": [0.02, 0.01], "low": [0.01, 0.005], "high": [0.03, 0.02]}
    spread |= {"median": [0.02, 0.01], "state_points": [20, 18], "pairs": [9, 8]}
    return Findings(
        effort=Effort(folds=FOLDS),
        datasets=datasets,
        cleaning=dict.fromkeys(datasets, log),
        floors=dict.fromkeys(datasets, pd.DataFrame(spread, index=["measured", "cleaned"])),
        sources=Sources(datasets, next(iter(datasets.values()))),
        comparisons={
            one.name: {unseen: comparison(one, datasets[one.name], unseen) for unseen in SPLITS}
            for one in PROPERTIES
        },
        solvation={"pair": solvation_energies(0.5), "solute": solvation_energies(1.0)},
        screening=screening(30),
    )


def test_one_drawing_of_groups_tells_what_the_evaluation_tells(found: Findings) -> None:
    evaluation = found.comparisons["viscosity"]["pairs"].evaluation
    own = DrawnErrors.of(evaluation)
    scores = evaluation.scores(["mae"]).set_index("arm")
    for arm in (HEADLINE, SCRATCH, "group contributions"):
        assert own.error[arm] == pytest.approx(scores.loc[arm, "mae"])
        assert own.interval(arm) == pytest.approx(tuple(scores.loc[arm, ["mae_low", "mae_high"]]))
    for arm, against in ((HEADLINE, "gradient boosting"), (f"{HYBRID}, simulations", HYBRID)):
        paired, ratio = evaluation.paired(arm, against), own.ratio(arm, against)
        assert ratio[:3] == pytest.approx((paired.ratio, *paired.ratio_interval))
        assert ratio.verdict == paired.verdict


def test_a_missing_prediction_is_scored_and_counted(found: Findings) -> None:
    evaluation = found.comparisons["melting_point"]["pairs"].evaluation
    rows = evaluation.rows.copy()
    mine = np.flatnonzero(rows["arm"] == HEADLINE)[:5]
    rows.iloc[mine, rows.columns.get_loc("y_pred")] = np.nan
    own = DrawnErrors.of(replace(evaluation, rows=rows))
    assert own.missing[HEADLINE] == 5
    assert own.missing.drop(HEADLINE).sum() == 0
    assert own.error[HEADLINE] > DrawnErrors.of(evaluation).error[HEADLINE]


def test_verdicts_are_told_together() -> None:
    told = told_by_verdict(
        [
            ("a", Ratio(0.5, 0.4, 0.6, "gain")),
            ("b", Ratio(1.2, 1.1, 1.3, "harm")),
            ("c", Ratio(0.61, 0.4, 0.7, "gain")),
        ]
    )
    assert told == "a gain for a (0.50), c (0.61); harm for b (1.20)"


def test_arms_stand_with_scores_and_ratios(found: Findings) -> None:
    density = next(one for one in PROPERTIES if one.name == "density")
    table = arm_table(found, drawn_errors(found), density, [HEADLINE, "gradient boosting", "none"])
    assert table["unseen"].tolist() == [own for own in SPLITS for _ in range(2)]
    assert table["arm"].tolist() == [HEADLINE, "gradient boosting"] * 3
    boosting = table[table["arm"] == "gradient boosting"]
    assert np.allclose(boosting["ratio"], 0.5, atol=0.06)
    assert ((boosting["low"] < boosting["ratio"]) & (boosting["ratio"] < boosting["high"])).all()
    assert table["ratio"].isna().sum() == 3
    own = found.comparisons["density"]["pairs"]
    assert np.allclose(own.evaluation.rows["y_true"], 100)  # in percent
    truth, said = answers(own.predicted.rows[own.predicted.rows["arm"] == HEADLINE])
    unexplained = ((said - truth) ** 2).mean() / truth.var()
    assert table.loc[0, "R2"] == pytest.approx(1 - unexplained)
    assert table.loc[0, "mae"] == pytest.approx(100 * np.mean(np.abs(said / truth - 1)))


def test_every_lesson_is_compared_with_the_same_network_from_scratch(found: Findings) -> None:
    table = transfer_table(found, drawn_errors(found))
    pairs = table[(table["property"] == "density") & (table["unseen"] == "pairs")]
    assert pairs.set_index(["kind", "lesson"])["shared"].to_dict() == pytest.approx(
        {
            (SCRATCH, "simulations"): 7,
            (SCRATCH, "simulated density"): 7,
            (SCRATCH, "measured log10 viscosity"): 7,
            (SCRATCH, "measured heat capacity"): 7,
            (SCRATCH, "measured log10 viscosity, no shared items"): 7,
            (HYBRID, "simulations"): np.nan,
            (HYBRID, "measured heat capacity"): np.nan,
        },
        nan_ok=True,
    )
    first = pairs[pairs["lesson"] == "simulations"].set_index("kind")
    assert first.loc[SCRATCH, "ratio"] == pytest.approx(0.5, abs=0.06)
    assert first.loc[SCRATCH, "verdict"] == "gain"
    assert first.loc[SCRATCH, "error"] < first.loc[SCRATCH, "scratch"]
    cations = table[(table["unseen"] == "cations") & (table["property"] == "density")]
    assert set(cations["lesson"]) == {"simulations"}


@pytest.mark.parametrize(
    ("ratios", "four", "least"),
    [
        ([(0.5, 0.4, 0.6)] * 4 + [(1.0, 0.95, 1.05)], "confirmed: 4 do", "is confirmed"),
        ([(1.0, 0.95, 1.05)] * 4 + [(0.5, 0.4, 0.6)], "refuted: 1 do", "is refuted"),
        ([(0.8, 0.7, 1.0)] * 5, "neither confirmed nor refuted: 0", "least is neither"),
    ],
)
def test_the_published_finding_is_judged_by_intervals(
    ratios: list[tuple[float, float, float]], four: str, least: str
) -> None:
    rows = pd.DataFrame(ratios, columns=["ratio", "low", "high"])
    rows.insert(0, "property", [*"abcd", "melting point"])
    told = published_finding(rows)
    assert f"is {four}" in told
    assert least in told


def test_cleaning_and_floors(found: Findings) -> None:
    table = cleaning_table(found)
    assert table.groupby("property").size().eq(2).all()
    assert "nothing" not in set(table["step"])
    floors = floor_table(found)
    assert not {"melting point", "glass transition"} & set(floors["property"])
    spread = floors[floors["rows"] == "cleaned"].set_index("property")
    assert spread.loc["density", "spread"] == pytest.approx(1.0)
    assert spread.loc["density", "unit"] == "%"
    assert spread.loc["log10 viscosity", "spread"] == pytest.approx(0.01)


def test_coverage_and_width(found: Findings) -> None:
    table = coverage_table(found).set_index(["property", "unseen"])
    row = table.loc[("melting point", "pairs")]
    assert row["coverage"] == pytest.approx(100 * 64 / 72)
    assert row["low"] < row["coverage"] < row["high"]
    spread = np.std(found.datasets["melting_point"].y)
    assert row["width"] == pytest.approx(0.2 * spread)
    assert table.loc[("density", "pairs"), "unit"] == "%"


def test_partners_are_training_pairs_of_the_rarer_ion(found: Findings) -> None:
    rows = headline_rows(found)
    melting = rows[rows["property"] == "melting point"]
    data = found.datasets["melting_point"]
    evaluation = found.comparisons["melting_point"]["pairs"].evaluation
    own = evaluation.rows[evaluation.rows["arm"] == HEADLINE]
    fold = dict(zip(own["group"], own["fold"], strict=True))
    pairs = data.groups.drop_duplicates("pair")
    for place, (row, key) in enumerate(zip(melting.itertuples(), own["group"], strict=True)):
        cation, anion = key.split(".")
        other = pairs[pairs["pair"].map(fold) != fold[key]]
        least = min((other["cation"] == cation).sum(), (other["anion"] == anion).sum())
        ends = {"0": 0, "1": 1, "2 to 3": 3, "4 to 9": 9, "10 or more": 1000}
        assert row.partners == next(name for name, end in ends.items() if least <= end)
        if place > 20:
            break
    assert set(melting["cation family"]) == {
        "imidazolium",
        "pyrrolidinium",
        "pyridinium",
        "ammonium",
        "sulfonium",
    }
    assert melting["temperature"].isna().all()
    assert set(rows[rows["property"] == "density"]["temperature"]) == {
        "280 to 300",
        "320 to 350",
    }


def test_an_ion_without_a_core_is_of_the_other_family() -> None:
    assert ion_family("CC[n+]1ccn(C)c1", 1) == "imidazolium"
    assert ion_family("CC(=O)[O-]", -1) == "carboxylate"
    assert ion_family("[Na+]", 1) == OTHER


def test_the_front_tells_the_worst_of_what_is_known() -> None:
    rows = screening(4).screening.rows
    names = ["conductivity_mS_per_cm", "viscosity_mPa_s"]
    for name, codes in zip(names, ([0, 0, 1, 3], [0, 1, 0, 2]), strict=True):
        rows[f"{name}_domain"] = pd.Categorical.from_codes(codes, CATEGORIES, ordered=True)
    known = front_table(rows, names)["known"].tolist()
    assert known == [CATEGORIES[0], CATEGORIES[1], CATEGORIES[1], CATEGORIES[3]]


def test_the_page(found: Findings) -> None:
    start = time.process_time()
    report = build_report("Ionic liquids", found)
    assert time.process_time() - start < 15  # about 3 s on a machine that does nothing else
    page = report.html()
    for words in (
        "stand-in for COSMO-RS",
        "What was measured, and how well?",
        "How well, where the pair, the cation or the anion is new?",
        "That the melting point gains least",
        "on unseen pairs pretraining lowers the error: ratio 0.50",
        "on unseen solutes pretraining shows no evidence of a change",
        "7 of 7 properties lie between 87 and 93 %",
        "72 pairs, 7 properties each",
        "electrochemical window",
        "its parts were chosen after a look at some test folds by pair (density,",
        "What does not come out?",
    ):
        assert words in page, words
    assert page.count("<figure") >= 7
    assert ">nan<" not in page


def test_a_quick_run_says_so_and_an_empty_front_is_no_error(found: Findings) -> None:
    names = ("viscosity", "melting_point")
    few = replace(
        found,
        effort=Effort(pairs=60, folds=FOLDS, only=names),
        datasets={name: found.datasets[name] for name in names},
        comparisons={name: found.comparisons[name] for name in names},
        screening=screening(0),
    )
    page = build_report("Ionic liquids", few).html()
    assert "A quick run, which shows only that it works." in page
    assert "No pair is left" in page
    assert "not all of them were compared" in page
    assert "surface tension <" not in page
    assert "after a look at some test folds by pair (melting point)" in page


def test_what_was_looked_at_is_told_of_these_properties_alone() -> None:
    by_name = {own.name: own for own in PROPERTIES}
    seen = ("density", "heat_capacity", "surface_tension", "melting_point")
    for name, own in by_name.items():
        told = chosen_after_a_look([own])
        assert [own.title in line for line in told] == [True] * (name in seen)
