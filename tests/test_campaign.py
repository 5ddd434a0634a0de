"""A campaign keeps what it is told, once and for all: its file, its rows, its mistakes."""

from __future__ import annotations

import math
import sqlite3
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.errors import ArtefactError, InputError
from leyden.exploration import campaign_store
from leyden.exploration.campaign import Campaign, Told
from leyden.exploration.campaign_rows import observations_of
from leyden.exploration.campaign_store import SCHEMA_VERSION, CampaignStore, StoredRow
from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace

SPACE = SearchSpace(
    (
        Parameter("x", 0, 1),
        Parameter("n", 1, 9, kind="integer"),
        Parameter("salt", kind="categorical", levels=("LiCl", "LiF")),
    )
)
Y = Objective("sigma_mS_per_cm")
OWN = {"x": 0.5, "n": 3, "salt": "LiF"}


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign.create(tmp_path / "c.db", SPACE, Y, method="random", initial=4)


def y(value: float, **more: Any) -> dict[str, Any]:
    return {"sigma_mS_per_cm": value, **more}


class TestSuggest:
    def test_equal_campaigns_have_equal_first_rows_however_they_are_asked(
        self, campaign: Campaign, tmp_path: Path
    ) -> None:
        other = Campaign.create(tmp_path / "d.db", SPACE, Y, method="random", initial=4)
        at_once = campaign.suggest(5)
        one_by_one = pd.concat([other.suggest() for _ in range(5)], ignore_index=True)
        pd.testing.assert_frame_equal(at_once, one_by_one)
        drawn = SPACE.random(5, campaign.random_state)
        pd.testing.assert_frame_equal(at_once.drop(columns="id"), drawn, check_dtype=False)
        assert at_once["id"].tolist() == [1, 2, 3, 4, 5]

    def test_sobol(self, tmp_path: Path) -> None:
        campaign = Campaign.create(tmp_path / "d.db", SPACE, Y, method="sobol", random_state=3)
        rows = pd.concat([campaign.suggest(3), campaign.suggest(5)], ignore_index=True)
        drawn = SPACE.sobol(8, 3)
        pd.testing.assert_frame_equal(rows.drop(columns="id"), drawn, check_dtype=False)

    def test_what_a_user_has_tried_is_not_tried_at_random_again(self, tmp_path: Path) -> None:
        pytest.importorskip("botorch")
        space = SearchSpace((Parameter("x", 0, 1),))
        campaign = Campaign.create(tmp_path / "d.db", space, Y, initial=4)
        campaign.tell([y(1 - (x - 0.4) ** 2, x=x) for x in (0.1, 0.5, 0.9)])
        drawn, proposed = campaign.suggest(1), campaign.suggest(1)
        designed = space.random(2, campaign.random_state)["x"]
        assert drawn["x"].iloc[0] == designed[0]
        assert proposed["x"].iloc[0] != pytest.approx(designed[1])
        assert abs(proposed["x"].iloc[0] - 0.4) < 0.2  # in view of what was told

    def test_repeats_and_failures_of_a_user_spare_no_random_row(self, tmp_path: Path) -> None:
        space = SearchSpace((Parameter("x", 0, 1),))
        campaign = Campaign.create(tmp_path / "d.db", space, Y, initial=3)
        for value in (1.0, 1.1, 0.9):
            campaign.tell([y(value, x=0.5)], replicate=True)
        campaign.tell([{"x": 0.7, "outcome": "crashed"}])
        drawn = campaign.suggest(2)
        assert drawn["x"].tolist() == space.random(2, campaign.random_state)["x"].tolist()

    def test_two_at_a_time_never_get_the_same_row(self, campaign: Campaign) -> None:
        found: list[pd.DataFrame] = []

        def ask() -> None:
            found.append(Campaign.open(campaign.path).suggest(2))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = pd.concat(found)
        assert sorted(rows["id"]) == list(range(1, 9))
        assert not rows["x"].duplicated().any()

    def test_every_row_has_a_seed_of_its_own(self, campaign: Campaign, tmp_path: Path) -> None:
        other = Campaign.create(tmp_path / "d.db", SPACE, Y, method="random", random_state=1)
        for each in (campaign, other):
            ids = each.suggest(4)["id"]
            each.tell([{"id": id, **y(1.0)} for id in ids])
        seeds = [*campaign.history()["random_state"], *other.history()["random_state"]]
        assert len(set(seeds)) == 8
        assert all(0 <= seed < 2**31 for seed in seeds)


class TestTell:
    def test_values_errors_bounds_and_failures(self, campaign: Campaign) -> None:
        ids = campaign.suggest(4)["id"].tolist()
        told = campaign.tell(
            [
                {"id": ids[0], **y(2.0), "sigma_mS_per_cm_error": 0.2},
                {"id": ids[1], **y(9.0), "sigma_mS_per_cm_bound": "below", "outcome": "glassy"},
                {"id": ids[2], "outcome": "blow-up", "error": "too hot"},
                {**OWN, **y(1.0)},
            ]
        )
        assert told == Told(4, 0)
        history = campaign.history()
        assert history["outcome"].tolist() == ["ok", "glassy", "blow-up", "ok"]
        assert history["method"].tolist() == ["random"] * 3 + ["own"]
        assert history["sigma_mS_per_cm_error"].iloc[0] == 0.2
        # A bound from above says nothing of how good the row is.
        assert history["sigma_mS_per_cm_best_so_far"].tolist() == [2.0] * 4
        seen = campaign.observations()
        assert seen["outcome"].tolist() == ["ok", "ok", "blow-up", "ok"]
        assert seen["sigma_mS_per_cm_bound"].tolist() == ["", "below", "", ""]
        assert math.isnan(seen["sigma_mS_per_cm"].iloc[2])
        status = campaign.status()
        assert status.outcomes == {"ok": 2, "glassy": 1, "blow-up": 1}
        assert (status.finished, status.suggested) == (4, 1)
        assert status.best["id"].tolist() == [ids[0]]

    def test_the_same_twice_is_once(self, campaign: Campaign) -> None:
        campaign.suggest(2)
        rows = [{"id": 1, **y(2.0)}, {**OWN, **y(1.0)}, {"id": 2, "outcome": "blow-up"}]
        assert campaign.tell(rows) == Told(3, 0)
        assert campaign.tell(rows) == Told(0, 3)
        assert campaign.tell([*rows, *rows]) == Told(0, 6)
        assert len(campaign.history()) == 3

    def test_another_value_names_both_and_the_remedy(self, campaign: Campaign) -> None:
        campaign.suggest()
        campaign.tell({"id": 1, **y(2.0)})
        with pytest.raises(InputError) as caught:
            campaign.tell([{**OWN, **y(1.0)}, {"id": 1, **y(2.5), **dict.fromkeys(OWN)}])
        told = str(caught.value)
        for part in ("row 2", "row 1 of the campaign", "= 2 there", "= 2.5 here", "--replicate"):
            assert part in told
        assert len(campaign.history()) == 1, "all or nothing"

    def test_a_replicate_is_a_new_row_and_is_idempotent_too(self, campaign: Campaign) -> None:
        campaign.suggest()
        campaign.tell({"id": 1, **y(2.0)})
        again = {"id": 1, **y(2.5)}
        assert campaign.tell(again, replicate=True) == Told(1, 0)
        assert campaign.tell(again, replicate=True) == Told(0, 1)
        assert campaign.tell({"id": 1, **y(2.0)}, replicate=True) == Told(0, 1)
        history = campaign.history()
        assert history["id"].tolist() == [1, 2]
        assert history["x"].nunique() == 1
        assert history["random_state"].nunique() == 2

    def test_own_rows_find_the_suggestion_of_the_same_parameters(self, campaign: Campaign) -> None:
        row = campaign.suggest().to_dict("records")[0]
        del row["id"]
        campaign.tell({**row, **y(3.0)})
        assert campaign.history()["id"].tolist() == [1]
        assert campaign.status().suggested == 0

    def test_what_is_withdrawn_is_no_evaluation_and_may_be_told_later(
        self, campaign: Campaign
    ) -> None:
        campaign.suggest(2)
        campaign.tell([{"id": 1, "outcome": "withdrawn"}, {"id": 2, **y(1.0)}])
        assert (campaign.status().withdrawn, len(campaign.history())) == (1, 1)
        campaign.tell({"id": 1, **y(4.0)})
        assert campaign.history()["id"].tolist() == [2, 1]

    @pytest.mark.parametrize(
        ("row", "rule"),
        [
            ({"id": 1, **y(math.nan)}, "row 1: sigma_mS_per_cm of a row whose outcome is ok"),
            ({"id": 1, **y(math.inf)}, "finite"),
            ({"id": 1, "sigma_mS_per_cm": "high"}, "must hold numbers"),
            ({"id": 1, "sigma_S_per_cm": 1.0}, "is there in another unit"),
            ({"id": 1, **y(1.0), "temprature": 1}, "a column that is not known"),
            ({"id": 1, **y(1.0), "outcom": "ok"}, "did you mean 'outcome'"),
            ({"id": 1, **y(1.0), "sigma_mS_per_cm_bound": "belov"}, "did you mean 'below'"),
            ({"id": 1, **y(1.0), "sigma_mS_per_cm_error": -1.0}, "not negative"),
            ({"id": 1, **y(1.0), "outcome": "melted"}, "row 1: the outcome is 'melted', so that"),
            ({"id": 1.5, **y(1.0)}, "whole number from 1"),
            ({"id": 17, **y(1.0)}, "no row 17"),
            ({**OWN, "x": 1.2, **y(1.0)}, "row 1: x lies between 0 and 1"),
            ({**OWN, "n": 2.5, **y(1.0)}, "n is a whole number"),
            ({**OWN, "salt": "NaCl", **y(1.0)}, "salt is one of LiCl, LiF"),
            ({"x": 0.5, "n": 2, **y(1.0)}, "no column salt"),
            ({"id": 1, **OWN, **y(1.0)}, "has other parameters"),
        ],
    )
    def test_mistakes(self, campaign: Campaign, row: dict[str, Any], rule: str) -> None:
        campaign.suggest()
        with pytest.raises(InputError, match=rule.replace("(", r"\(")):
            campaign.tell(row)
        assert not len(campaign.history())

    def test_a_logarithm_needs_a_positive_value(self, tmp_path: Path) -> None:
        space = SearchSpace((Parameter("x", 0, 1),))
        campaign = Campaign.create(tmp_path / "l.db", space, Objective("k", log10=True))
        with pytest.raises(InputError, match="k must be positive"):
            campaign.tell({"x": 0.1, "k": 0.0})

    def test_an_id_of_another_row_with_suggested_parameters(self, campaign: Campaign) -> None:
        row = campaign.suggest(1).to_dict("records")[0]
        with pytest.raises(InputError, match="suggested these parameters as row 1"):
            campaign.tell({**row, "id": 11, **y(1.0)})

    def test_what_is_at_work_is_not_told_by_hand(self, campaign: Campaign) -> None:
        campaign.suggest(1, asked_by="driver")
        with CampaignStore(campaign.path).writing() as step:
            step.update(1, state="running", worker="here:42")
        with pytest.raises(InputError, match="row 1 is being evaluated by here:42"):
            campaign.tell({"id": 1, **y(1.0)})


class TestFiles:
    def test_the_laboratory(self, campaign: Campaign, tmp_path: Path) -> None:
        """CSV out, filled in by a spreadsheet, CSV in, twice."""
        rows = campaign.suggest(3).assign(sigma_mS_per_cm=["1.5", "", "2"], outcome="")
        path = tmp_path / "next.csv"
        rows.to_csv(path, index=False)
        assert campaign.tell(path) == Told(2, 0, 1)
        text = path.read_text().splitlines()
        text[2] = text[2].removesuffix(",,") + ",0.25,"
        path.write_text("\ufeff" + "\n".join(text))
        assert campaign.tell(path) == Told(1, 2)
        assert campaign.history()["sigma_mS_per_cm"].tolist() == [1.5, 2.0, 0.25]

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("", "r.csv: there are no rows"),
            ("id,sigma_mS_per_cm\n", "there are no rows"),
            ("id,id\n1,2\n", "two columns have one name"),
            ("id,sigma_mS_per_cm\n1,2\n2,3,4\n", "r.csv, row 2: a row has 3 cells"),
            ("id;sigma_mS_per_cm\n1;2\n", "separated by commas"),
            ("id,sigma_mS_per_cm\n1,\n2,NaN\n", "r.csv, row 2: .*finite"),
            ("id,sigma_mS_per_cm\n1,2.0\n2,about 3\n", "r.csv, row 2: .*must hold numbers"),
            ("x,n,salt,sigma_mS_per_cm\n,,,2\n", "row 1: a row has an id or all parameters"),
            ("x_nm,n,salt,sigma_mS_per_cm\n1,2,LiF,2\n", "column x is there in another unit"),
        ],
    )
    def test_bad_files(self, campaign: Campaign, tmp_path: Path, text: str, rule: str) -> None:
        campaign.suggest(2)
        path = tmp_path / "r.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=rule):
            campaign.tell(path)
        assert not len(campaign.history())

    def test_absent(self, campaign: Campaign, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="the results cannot be read"):
            campaign.tell(tmp_path / "absent.csv")

    @settings(max_examples=8)
    @given(
        values=st.lists(
            st.tuples(
                st.floats(0, 1),
                st.floats(-1e12, 1e12, allow_subnormal=False),
                st.sampled_from(["below", "above", ""]),
                st.sampled_from(["ok", "glassy", "blow-up"]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_a_campaign_is_rebuilt_from_its_results(
        self, values: list[Any], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("rebuilt")
        campaign = Campaign.create(folder / "a.db", SPACE, Y, method="random", task="2 ns")
        campaign.suggest(2)
        for x, value, bound, outcome in values:
            known = y(value, sigma_mS_per_cm_bound=bound) if outcome == "ok" or bound else {}
            row = {**OWN, "x": x, "outcome": outcome, **known}
            campaign.tell(row, replicate=True)
        campaign.tell({"id": 2, **y(0.1), "task": "2 ns"})
        campaign.tell({**OWN, **y(7.0), "task": "1 ns"})
        history = campaign.history()
        history.to_csv(folder / "results.csv", index=False)
        again = Campaign.create(folder / "b.db", SPACE, Y, method="random", task="2 ns")
        again.tell(folder / "results.csv")
        pd.testing.assert_frame_equal(again.history(), history)
        pd.testing.assert_frame_equal(again.observations(), campaign.observations())
        assert history["task"].tolist()[-1] == "1 ns"
        assert again.tell(folder / "results.csv") == Told(0, len(history))


class TestPrior:
    def test_an_earlier_campaign_is_another_task(self, campaign: Campaign, tmp_path: Path) -> None:
        campaign.suggest(2)
        campaign.tell([{"id": 1, **y(9.0)}, {"id": 2, **y(1.0)}])
        later = Campaign.create(tmp_path / "hot.db", SPACE, Y, method="random", prior=campaign)
        assert later.observations()["task"].tolist() == ["c", "c"]
        status = later.status()
        assert (status.prior, status.finished, len(status.best)) == (2, 0, 0)
        assert later.history()["sigma_mS_per_cm_best_so_far"].isna().all()
        # Its own first rows are those of every campaign of this seed.
        rows = later.suggest(2).drop(columns="id")
        pd.testing.assert_frame_equal(rows, SPACE.random(2, 0), check_dtype=False)

    def test_a_table(self, tmp_path: Path) -> None:
        table = pd.DataFrame([{**OWN, **y(1.0), "task": "1 ns"}, {**OWN, **y(2.0), "task": ""}])
        made = Campaign.create(tmp_path / "p.db", SPACE, Y, method="random", prior=table)
        assert made.observations()["task"].tolist() == ["1 ns", "prior"]

    def test_bad_prior_rows_leave_no_campaign(self, tmp_path: Path) -> None:
        table = pd.DataFrame([{**OWN, "x": 3.0, **y(1.0)}])
        with pytest.raises(InputError, match="row 1: x lies"):
            Campaign.create(tmp_path / "p.db", SPACE, Y, method="random", prior=table)
        assert not (tmp_path / "p.db").exists()


class TestBest:
    def test_of_a_minimum(self, tmp_path: Path) -> None:
        space = SearchSpace((Parameter("x", 0, 1),))
        campaign = Campaign.create(tmp_path / "m.db", space, Objective("cost", maximise=False))
        rows = [(0.1, 3.0, ""), (0.2, 1.0, "above"), (0.3, 2.0, ""), (0.4, 2.5, "below")]
        campaign.tell([{"x": x, "cost": c, "cost_bound": b} for x, c, b in rows])
        assert campaign.history()["cost_best_so_far"].tolist() == [3.0, 3.0, 2.0, 2.0]
        assert campaign.status().best["x"].tolist() == [0.3]

    def test_of_two_objectives_is_a_front(self, tmp_path: Path) -> None:
        space = SearchSpace((Parameter("x", 0, 1),))
        objectives = (Objective("sigma"), Objective("cost", maximise=False))
        campaign = Campaign.create(tmp_path / "t.db", space, objectives, method="random")
        rows = [(0.1, 3.0, 3.0), (0.2, 2.0, 1.0), (0.3, 1.0, 2.0)]
        campaign.tell([{"x": x, "sigma": s, "cost": c} for x, s, c in rows])
        assert campaign.status().best["x"].tolist() == [0.1, 0.2]
        with pytest.raises(InputError, match="cost of a row whose outcome is ok"):
            campaign.tell({"x": 0.5, "sigma": 1.0, "cost": None})


class TestCreate:
    def test_nothing_is_replaced(self, campaign: Campaign) -> None:
        before = campaign.path.read_bytes()
        with pytest.raises(InputError, match="something of this name"):
            Campaign.create(campaign.path, SPACE, Y, method="random")
        assert campaign.path.read_bytes() == before
        assert [p.name for p in campaign.path.parent.iterdir()] == ["c.db"]

    def test_folders_of_another_campaign_are_refused(self, campaign: Campaign) -> None:
        (campaign.runs / "0001").mkdir(parents=True)
        campaign.path.unlink()
        with pytest.raises(InputError, match="evaluations of another campaign"):
            Campaign.create(campaign.path, SPACE, Y, method="random")

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"method": "random search"}, "did you mean"),
            ({"objectives": ()}, "one objective at least"),
            ({"objectives": (Y, Y)}, "a name of its own"),
            ({"objectives": (Objective("x"),)}, "a name of its own"),
            ({"initial": -1}, "not negative"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
        given = {"objectives": Y, "method": "random", **changes}
        with pytest.raises(InputError, match=rule):
            Campaign.create(tmp_path / "c.db", SPACE, **given)
        assert not list(tmp_path.iterdir())

    def test_everything_is_found_again(self, tmp_path: Path) -> None:
        space = SearchSpace(
            (
                *SPACE.parameters,
                Parameter("z", 1e-3, 1, scale="log", unit="M"),
                Parameter("w", 0, 1),
            ),
            (Constraint({"x": 1, "w": 1}, 1.5),),
        )
        made = Campaign.create(tmp_path / "c.db", space, Y, method="random", task="2 ns")
        found = Campaign.open(made.path)
        for name in ("space", "objectives", "method", "initial", "random_state", "task"):
            assert getattr(found, name) == getattr(made, name)


class TestFile:
    def test_no_campaign(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such campaign"):
            Campaign.open(tmp_path / "absent.db")
        (tmp_path / "text.db").write_text("x,y\n" * 1000)
        with pytest.raises(ArtefactError, match="damaged, or no campaign"):
            Campaign.open(tmp_path / "text.db")
        other = sqlite3.connect(tmp_path / "other.db")
        other.execute("CREATE TABLE t (a)")
        other.close()
        with pytest.raises(ArtefactError, match="this is no campaign"):
            Campaign.open(tmp_path / "other.db")

    def test_damage_is_told(self, campaign: Campaign) -> None:
        campaign.suggest(200)
        whole = campaign.path.read_bytes()
        for damaged in (whole[: len(whole) // 2], whole[:4096] + bytes(4096) + whole[8192:]):
            campaign.path.write_bytes(damaged)
            with pytest.raises(ArtefactError, match="damaged"):
                Campaign.open(campaign.path)

    def test_a_newer_schema_is_refused_and_left_alone(self, campaign: Campaign) -> None:
        database = sqlite3.connect(campaign.path)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        database.close()
        before = campaign.path.read_bytes()
        with pytest.raises(ArtefactError, match=f"schema version {SCHEMA_VERSION + 1}.*update"):
            Campaign.open(campaign.path)
        assert campaign.path.read_bytes() == before

    def test_an_older_schema_is_brought_up_to_date_or_left_as_it_was(
        self, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign.suggest()
        monkeypatch.setattr(campaign_store, "SCHEMA_VERSION", SCHEMA_VERSION + 2)

        def first(database: sqlite3.Connection) -> None:
            database.execute("ALTER TABLE evaluations ADD COLUMN note TEXT")

        monkeypatch.setitem(campaign_store.UPGRADES, SCHEMA_VERSION, first)
        with pytest.raises(ArtefactError, match=f"schema version {SCHEMA_VERSION + 1} is not"):
            Campaign.open(campaign.path)
        monkeypatch.setitem(campaign_store.UPGRADES, SCHEMA_VERSION + 1, lambda database: None)
        Campaign.open(campaign.path).tell({"id": 1, **y(1.0)})
        database = sqlite3.connect(campaign.path)
        (version,) = database.execute("PRAGMA user_version").fetchone()
        columns = [row[1] for row in database.execute("PRAGMA table_info(evaluations)")]
        database.close()
        assert version == SCHEMA_VERSION + 2
        assert "note" in columns

    def test_a_step_is_all_or_nothing(self, campaign: Campaign) -> None:
        store = CampaignStore(campaign.path)
        campaign.suggest(2)

        def half() -> None:
            with store.writing() as step:
                step.update(1, state="running")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            half()
        with store.reading() as step:
            assert [row.state for row in step.rows()] == ["suggested"] * 2

    def test_nothing_lies_beside_the_file(self, campaign: Campaign) -> None:
        campaign.suggest(3)
        campaign.tell({"id": 1, **y(1.0)})
        assert [p.name for p in campaign.path.parent.iterdir()] == ["c.db"]


def test_observations_of_nothing_are_a_table() -> None:
    table = observations_of([], SPACE, (Y,))
    assert not len(table)
    assert table["sigma_mS_per_cm"].dtype == np.float64
    row = StoredRow(1, "", "own", OWN, 0, "finished", "hand", outcome="ok",
                    results={Y.name: {"value": 1.0, "error": None, "bound": ""}})  # fmt: skip
    assert observations_of([row], SPACE, (Y,))[Y.name].tolist() == [1.0]
