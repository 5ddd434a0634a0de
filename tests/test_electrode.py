"""The electrode as an item, and how far the labels of the snapshot lie from its energies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leyden.data import Crystal, Dataset, Electrode, explain_distance, label_distance, load
from leyden.data.electrode import known_ion
from leyden.data.electrode_labels import AGREEMENT_V
from leyden.errors import InputError
from leyden.hashing import content_hash
from leyden.representations.cache import item_key


def crystal(*symbols: str, edge: float = 6.0) -> Crystal:
    """Atoms along the diagonal of a cube."""
    places = [[n / len(symbols)] * 3 for n in range(len(symbols))]
    return Crystal.from_parameters((edge, edge, edge, 90, 90, 90), symbols, places)


HOST = crystal("Co", "O", "O")
FULL = crystal("Li", "Co", "O", "O")


class TestElectrode:
    def test_what_it_tells(self) -> None:
        electrode = Electrode(HOST, "Zn")
        assert (electrode.formula, electrode.charge_number) == (HOST.formula, 2)
        assert electrode.discharged is None
        half = crystal("Li", "Co", "Co", "O", "O", "O", "O")
        assert Electrode(half, "Li").ion_amount == pytest.approx(1 / 6)
        assert Electrode(half, "Mg").ion_amount == 0
        assert Electrode(half, "Li", FULL).charge_number == 1

    def test_cells_of_any_size_and_metal_hosts(self) -> None:
        double = crystal("Li", "Li", "Co", "Co", "O", "O", "O", "O")
        assert Electrode(HOST, "Li", double).discharged is double
        assert Electrode(crystal("Mn"), "Al", crystal("Mn", "Al", "Al")).ion_amount == 0
        assert Electrode(crystal("Al", "Cu"), "Al", crystal("Al", "Al", "Cu")).ion_amount == 1

    @pytest.mark.parametrize("ion", ["Cu", "zn", "Zn2+", "", None])
    def test_an_ion_that_is_none(self, ion: object) -> None:
        with pytest.raises(InputError, match="a working ion is one of Li, Na, K"):
            Electrode(HOST, ion)  # type: ignore[arg-type]

    def test_a_metal_without_host(self) -> None:
        with pytest.raises(InputError, match=r"must have a host.*is Zn alone.*not the metal"):
            Electrode(crystal("Zn", "Zn"), "Zn")
        assert Electrode(crystal("Zn", "Zn"), "Mg").formula == "Zn"

    def test_a_host_that_is_no_crystal(self) -> None:
        with pytest.raises(InputError, match="host of an electrode is a crystal"):
            Electrode("CoO2", "Li")  # type: ignore[arg-type]

    def test_the_two_structures_exchanged(self) -> None:
        with pytest.raises(InputError, match="the host; here it holds less") as told:
            Electrode(FULL, "Li", HOST)
        assert "exchange them" in str(told.value)
        assert "LiCoO2 -> CoO2" in str(told.value)

    def test_nothing_taken_up(self) -> None:
        double = crystal(*["Li", "Co", "O", "O"] * 2)
        for discharged in (FULL, double):
            with pytest.raises(InputError, match=r"more Li than .* as much"):
                Electrode(FULL, "Li", discharged)
        with pytest.raises(InputError, match=r"more Mg than .* as much"):
            Electrode(HOST, "Mg", HOST)

    def test_two_ions_at_once(self) -> None:
        both = crystal("Li", "Na", "Co", "O", "O")
        with pytest.raises(InputError, match=r"mixed-ion electrode.*Na differs beside Li"):
            Electrode(HOST, "Li", both)
        with pytest.raises(InputError, match="Li differs beside Na"):
            Electrode(FULL, "Na", crystal("Na", "Co", "O", "O"))
        # an ion that stays where it is belongs to the framework
        assert Electrode(crystal("Na", "Co", "O", "O"), "Li", both).ion_amount == 0

    def test_another_framework(self) -> None:
        with pytest.raises(InputError, match="same framework, and differ in Li alone"):
            Electrode(HOST, "Li", crystal("Li", "Ni", "O", "O"))
        with pytest.raises(InputError, match="same framework"):
            Electrode(HOST, "Li", crystal("Li", "Co", "O"))
        with pytest.raises(InputError, match="same framework"):
            Electrode(HOST, "Li", crystal("Li"))

    def test_its_hash_is_of_its_content(self) -> None:
        def same() -> Electrode:
            return Electrode(crystal("Co", "O", "O"), "Li", crystal("Li", "Co", "O", "O"))

        others = [
            same(),
            Electrode(HOST, "Li"),
            Electrode(HOST, "Na"),
            Electrode(FULL, "Na"),
            Electrode(crystal("Co", "O", "O", edge=6 + 1e-12), "Li", FULL),
            Electrode(HOST, "Li", crystal("Li", "Co", "O", "O", edge=6 + 1e-12)),
            HOST,
        ]
        for of in (item_key, content_hash):
            assert of(same()) == of(others[0])
            assert len({of(item) for item in others}) == len(others)


def test_known_ions() -> None:
    assert known_ion("Zn", ("Li", "Zn")) == "Zn"
    with pytest.raises(InputError, match=r"it was taught \(got 'K'\). Remedy: choose from Li, Zn"):
        known_ion("K", ("Li", "Zn"))


@pytest.fixture(scope="module")
def checked(data_home) -> tuple[Dataset, pd.DataFrame]:
    data_home("mp-electrodes")
    pairs = load("mp-electrodes", target="average_voltage_V")
    return pairs, label_distance(pairs, load("mp-electrodes"))


class TestLabels:
    def test_every_row_is_recomputed_and_agrees_with_the_stored_check(self, checked) -> None:
        pairs, rows = checked
        assert rows.index.tolist() == pairs.ids.tolist()
        assert len(rows) == 3470
        stored = pairs.extra["voltage_from_formation_energy_V"].to_numpy()
        np.testing.assert_allclose(rows["voltage_V"], stored, rtol=0, atol=1e-9)
        assert np.isfinite(rows["voltage_V"]).sum() == 3469

    def test_the_distribution(self, checked) -> None:
        pairs, rows = checked
        assert rows["distance_V"].median() < 1e-9
        assert rows["distance_V"].quantile(0.9) == pytest.approx(0.057, abs=0.001)
        clean = (rows["distance_V"] <= AGREEMENT_V) & rows["label_V"].between(-1, 6)
        assert clean.to_numpy().tolist() == pairs.extra["clean"].tolist()

    def test_total_energies_tell_the_same_where_corrections_cancel(self, checked) -> None:
        _, rows = checked
        known = rows["distance_V"].notna()
        assert (rows["correction_V"][known].abs() < 0.01).mean() > 0.9
        assert (rows["voltage_total_V"] - rows["label_V"]).abs().median() < 1e-3

    def test_most_of_what_disagrees_has_a_cause(self, checked) -> None:
        _, rows = checked
        apart = rows[rows["distance_V"] > AGREEMENT_V]
        assert len(apart) == 371  # as the card says, and of these
        assert (apart["cause"] == "longer range").sum() == 82
        assert (apart["cause"] == "unknown").mean() < 0.1
        assert not apart["cause"].isin(["none", "metal", "no energy"]).any()
        # what a cause is worth closes more than half of the gap
        worth = {
            "charged energy": apart["charged_V"],
            "discharged energy": apart["discharged_V"],
            "both energies": apart["charged_V"] + apart["discharged_V"],
            "correction": -apart["correction_V"],
        }
        gap = apart["label_V"] - apart["voltage_V"]
        for cause, volts in worth.items():
            of = apart["cause"] == cause
            assert of.any()
            assert ((gap - volts)[of].abs() < gap[of].abs() / 2).all()

    def test_labels_of_a_longer_discharge_lie_below(self, checked) -> None:
        """Voltages fall while an electrode fills, so the mean over a longer way is lower."""
        _, rows = checked
        longer = rows[rows["cause"] == "longer range"]
        assert len(longer) > 50
        assert (longer["capacity_ratio"] > 1.05).all()
        assert (longer["label_V"] < longer["voltage_V"]).mean() > 0.95

    def test_the_sodium_labels_are_of_another_metal_energy(self, checked) -> None:
        pairs, rows = checked
        sodium = rows[(pairs.groups["working_ion"] == "Na").to_numpy()]
        assert sodium["metal_V"].iloc[0] == pytest.approx(0.0258, abs=1e-4)
        assert (sodium["cause"] == "metal").mean() > 0.7

    def test_each_cause_is_told_with_its_numbers(self, checked) -> None:
        _, rows = checked
        told = {cause: explain_distance(of.iloc[0]) for cause, of in rows.groupby("cause")}
        assert len(set(told.values())) == rows["cause"].nunique()
        worst = rows.loc[rows["distance_V"].idxmax()]
        assert f"worth {worst['discharged_V']:+.2f} V" in explain_distance(worst)
        assert all("nan" not in text and "{" not in text for text in told.values())

    def test_what_cannot_be_checked_is_told(self, checked) -> None:
        pairs, _ = checked
        alone = replace(pairs.take([0]), items=(Electrode(HOST, "Li"),))
        with pytest.raises(InputError, match="with its discharged structure"):
            label_distance(alone, load("mp-electrodes"))
        with pytest.raises(InputError, match="with its discharged structure"):
            label_distance(replace(alone, items=(HOST,)), load("mp-electrodes"))
