"""Interpretation: local values, maps, probes and importance of which the answer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch.nn import functional as F

from leyden import plots
from leyden.data.crystal import Crystal
from leyden.data.electrode import Electrode
from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS
from leyden.element_map import FAMILIES, PROPERTIES, ElementMap, element_map, families
from leyden.environment_map import environment_map
from leyden.errors import IncompatibleError, InputError
from leyden.interpretation import (
    Explanation,
    environment_vectors,
    explain,
    first_shell,
    neighbours_of_element,
)
from leyden.models import CrystalGraphNetwork
from leyden.models.ensembles import Ensemble
from leyden.plots.interpretation import (
    crystal_picture,
    element_plane,
    environment_plane,
    importance_bars,
    probe_bars,
)
from leyden.plots.periodic_table import periodic_table, readable_ink
from leyden.property_importance import property_importance
from leyden.report import Report
from leyden.report import interpretation as sections
from leyden.representations import element_property, element_vectors
from leyden.splits import KFold
from leyden.testing import element_energy, tiny_crystals


def salt(a: str, b: str, edge: float) -> Crystal:
    """Rock salt, conventional cell."""
    metal = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    numbers = [ATOMIC_NUMBERS[a]] * 4 + [ATOMIC_NUMBERS[b]] * 4
    return Crystal(np.array(numbers), np.vstack([metal, metal + 0.5]), edge * np.eye(3))


@pytest.fixture(scope="module")
def crystals() -> tuple[Crystal, ...]:
    return tuple(tiny_crystals(240).items)


@pytest.fixture(scope="module")
def numbers(crystals: tuple[Crystal, ...]) -> np.ndarray:
    return np.unique(np.concatenate([crystal.numbers for crystal in crystals]))


@pytest.fixture(scope="module")
def network(crystals: tuple[Crystal, ...]) -> CrystalGraphNetwork:
    """Has learned a sum over elements; its batch norms and all are as in a real one."""
    model = CrystalGraphNetwork(
        width=24, hidden=24, convolutions=2, readout="additive", epochs=40, validation_fraction=0
    )
    energy = np.array([element_energy(crystal.numbers).mean() for crystal in crystals])
    return model.fit(model.representation.transform(crystals), energy)


@pytest.fixture(scope="module")
def explanation(network: CrystalGraphNetwork, crystals: tuple[Crystal, ...]) -> Explanation:
    return explain(network, crystals, targets=("energy_eV_per_atom",))


@pytest.fixture
def ax() -> Iterator[Axes]:
    settings = dict(matplotlib.rcParams)
    figure, axes = plots.subplots()
    yield axes
    figure.draw_without_rendering()
    assert dict(matplotlib.rcParams) == settings, "a plot changed global settings"


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


class TestLocalValues:
    def test_they_average_to_the_prediction(
        self,
        explanation: Explanation,
        network: CrystalGraphNetwork,
        crystals: tuple[Crystal, ...],
    ) -> None:
        predicted = network.predict(network.representation.transform(crystals))
        means = explanation.atoms.groupby("crystal", sort=False)["value"].mean()
        assert explanation.crystals["prediction"].to_numpy() == pytest.approx(predicted, abs=1e-12)
        assert np.abs(means.to_numpy() - predicted).max() == explanation.sum_error
        assert explanation.sum_error <= 1e-6

    def test_medians_recover_what_each_element_contributes(self, explanation: Explanation) -> None:
        """A crystal is a pair, so energies are known up to a shift between cations and anions."""
        table = explanation.per_element().set_index("element")
        numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in table.index])
        true = pd.Series(element_energy(numbers), table.index)
        anions = [ELEMENTS[z] for z in (6, 7, 8, 9, 15, 16, 17, 33, 34, 35, 52, 53)]
        for part in (table.index.isin(anions), ~table.index.isin(anions)):
            r = table["median"][part].corr(true[part], method="spearman")
            assert r > 0.9, f"rank correlation {r:.2f}"

    def test_quartiles_count_and_order(self, explanation: Explanation) -> None:
        table = explanation.per_element()
        assert table["median"].is_monotonic_decreasing
        assert table["atoms"].sum() == len(explanation.atoms)
        oxygen = explanation.atoms[explanation.atoms["element"] == "O"]["value"]
        row = table.set_index("element").loc["O"]
        quartiles = row[["lower_quartile", "median", "upper_quartile"]].to_numpy(float)
        assert quartiles == pytest.approx(np.quantile(oxygen, [0.25, 0.5, 0.75]))

    def test_only_oxygen_coordinated_sites(self, network: CrystalGraphNetwork) -> None:
        items = [salt("Mg", "O", 4.2), salt("Na", "Cl", 5.6), salt("Ca", "O", 4.8)]
        table = explain(network, items).per_element(oxygen_neighbours=2)
        assert set(table["element"]) == {"Mg", "Ca"}
        assert table["atoms"].tolist() == [4, 4]
        assert table["crystals"].tolist() == [1, 1]

    def test_sites_of_one_crystal(self, network: CrystalGraphNetwork) -> None:
        result = explain(network, [salt("Mg", "O", 4.2)], ids=["a"])
        sites = result.sites("a")
        assert sites["atoms"].tolist() == [4, 4]
        assert set(sites["element"]) == {"Mg", "O"}
        assert sites["difference"].iloc[0] > 0 > sites["difference"].iloc[1]
        assert sites["effect"].sum() == pytest.approx(0, abs=1e-6)
        assert sites.set_index("element")["oxygen_neighbours"].to_dict() == {"Mg": 6, "O": 0}
        with pytest.raises(InputError, match="no crystal of this id"):
            result.sites("b")

    def test_an_ensemble_shares_its_mean_out(self, crystals: tuple[Crystal, ...]) -> None:
        model = CrystalGraphNetwork(
            width=8, hidden=8, convolutions=1, readout="additive", epochs=2, validation_fraction=0
        )
        X = model.representation.transform(crystals[:30])
        ensemble = Ensemble(model, members=2, n_jobs=1).fit(X, np.arange(30.0))
        result = explain(ensemble, crystals[:30], X=X)
        assert result.sum_error <= 1e-5
        each = [member.local_values(X)[3] for member in ensemble.members_]
        found = result.atoms.loc[result.atoms["crystal"] == "4", "value"]
        assert found.to_numpy() == pytest.approx(np.mean(each, axis=0))

    def test_an_electrode_is_explained_by_its_host(self, network: CrystalGraphNetwork) -> None:
        host = salt("Mn", "O", 4.4)
        X = network.representation.transform([host])
        result = explain(network, [Electrode(host, "Zn")], X=X)
        pd.testing.assert_frame_equal(result.atoms, explain(network, [host]).atoms)

    def test_mistakes(self, network: CrystalGraphNetwork, crystals: tuple[Crystal, ...]) -> None:
        with pytest.raises(InputError, match="an id of its own"):
            explain(network, crystals[:2], ids=["a", "a"])
        with pytest.raises(InputError, match="no such target"):
            explain(network, crystals[:2], target="voltage_V")
        with pytest.raises(InputError, match="in a crystal"):
            explain(network, ["NaCl"])
        with pytest.raises(InputError, match="no local values"):
            explain(object(), crystals[:2], X=())
        other = network.representation.transform([salt("Na", "Cl", 5.6)])
        with pytest.raises(IncompatibleError, match="not one an atom"):
            explain(network, crystals[:1], X=other)

    def test_no_crystal(self, network: CrystalGraphNetwork) -> None:
        result = explain(network, [])
        assert len(result.atoms) == len(result.crystals) == 0
        assert result.sum_error == 0


class TestShells:
    def test_of_rock_salt(self) -> None:
        shell = first_shell(salt("Na", "Cl", 5.6))
        assert np.bincount(shell.centres).tolist() == [6] * 8
        assert np.linalg.norm(shell.vectors, axis=1) == pytest.approx(2.8)

    def test_of_body_centred_iron_both_near_shells(self) -> None:
        iron = Crystal(np.array([26, 26]), np.array([[0, 0, 0], [0.5] * 3]), 2.87 * np.eye(3))
        assert np.bincount(first_shell(iron).centres).tolist() == [14, 14]

    def test_oxygens_around(self) -> None:
        assert neighbours_of_element(salt("Mg", "O", 4.2), "O").tolist() == [6] * 4 + [0] * 4

    def test_a_distorted_octahedron_stays_whole_and_its_edge_is_no_bond(self) -> None:
        tall = salt("Mn", "O", 4.0)
        tall = Crystal(tall.numbers, tall.frac, np.diag([3.8, 3.8, 4.6]))
        assert neighbours_of_element(tall, "O").tolist() == [6] * 4 + [0] * 4


class TestPicture:
    def test_boundary_atoms_and_bonds_of_rock_salt(self, network: CrystalGraphNetwork) -> None:
        picture = explain(network, [salt("Na", "Cl", 5.6)], ids=["salt"]).picture("salt")
        assert np.bincount(picture.numbers)[[11, 17]].tolist() == [14, 13]
        assert len(picture.bonds) == 54
        lengths = np.linalg.norm(np.diff(picture.positions[picture.bonds], axis=1)[:, 0], axis=1)
        assert lengths == pytest.approx(2.8)
        assert (picture.numbers[picture.bonds].sum(axis=1) == 28).all()
        sodium = picture.values[picture.numbers == 11]
        assert np.ptp(sodium) == pytest.approx(0, abs=1e-6)

    def test_is_drawn(self, network: CrystalGraphNetwork, ax: Axes) -> None:
        picture = explain(network, [salt("Na", "Cl", 5.6)]).picture("1")
        assert crystal_picture(picture, ax) is ax
        balls = [patch for patch in ax.patches if isinstance(patch, Circle)]
        assert len(balls) == 2 * 27  # and their highlights
        assert texts(ax).count("Na") == 14
        front = min(ax.patches, key=lambda ball: ball.zorder)
        assert front.zorder < 10.1

    def test_of_one_atom(self, network: CrystalGraphNetwork, ax: Axes) -> None:
        alone = Crystal(np.array([26]), np.zeros((1, 3)), 2.5 * np.eye(3))
        picture = explain(network, [alone]).picture("1")
        assert len(picture.positions) == 8
        assert len(picture.bonds) == 12
        crystal_picture(picture, ax)


class TestElementMap:
    @pytest.fixture
    def plant(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[np.ndarray], ElementMap]:
        """The map of vectors that are given, for the elements Li to La."""
        numbers = np.arange(3, 58)

        def mapped(vectors: np.ndarray) -> ElementMap:
            found = (vectors[numbers], element_vectors()[numbers].astype(float))
            monkeypatch.setattr("leyden.element_map.learned_element_vectors", lambda *_: found)
            return element_map(None, numbers, repeats=3)

        return mapped

    def test_a_planted_property_is_found_and_random_vectors_hold_none(
        self, plant: Callable[[np.ndarray], ElementMap]
    ) -> None:
        """Radius and electronegativity in noise, turned around: no column shows them alone."""
        generator = np.random.default_rng(0)
        names = ("CovalentRadius", "Electronegativity")
        known = np.column_stack([element_property(name, imputed=True) for name in names])
        known = (known - np.nanmean(known, axis=0)) / np.nanstd(known, axis=0)
        mixed = np.hstack([3 * known, generator.standard_normal((113, 6))])
        turn = np.linalg.qr(generator.standard_normal((8, 8)))[0]
        result = plant(mixed @ turn)
        scores = result.probes.pivot(index="property", columns="vectors", values="mean")
        for name in ("covalent radius", "electronegativity"):
            assert scores.loc[name, "learned"] > 0.9
            assert scores.loc[name, "random"] < 0.2
            assert scores.loc[name, "learned"] > scores.loc[name, "inputs"] + 0.05
        most = scores.loc["block", "none (most frequent class, or mean)"]
        assert scores.loc["block", "random"] < most + 0.1
        assert scores.loc["block", "inputs"] > 0.9  # they hold it as bins: no discovery
        component, r = result.strongest("covalent radius")
        assert abs(r) > 0.8 > result.chance > 0.2
        assert component in (1, 2)
        report = sections.element_section(Report("a", "b"), result, published="Others say so.")
        assert "Linear probes find more in the learned vectors" in report.html()
        assert "Others say so." in report.html()

    def test_vectors_that_nothing_has_taught_are_not_praised(
        self, plant: Callable[[np.ndarray], ElementMap]
    ) -> None:
        generator = np.random.default_rng(0)
        page = sections.element_section(
            Report("a", "b"), plant(element_vectors() @ generator.standard_normal((93, 24)))
        ).html()
        assert "no better than in random projections" in page
        _, r = plant(generator.standard_normal((113, 24))).strongest("covalent radius")
        assert abs(r) < 0.5

    def test_of_a_network(
        self, network: CrystalGraphNetwork, numbers: np.ndarray, ax: Axes
    ) -> None:
        result = element_map(network, numbers, components=3, repeats=1)
        assert result.vectors.shape == (len(numbers), 24)
        module = network.module_
        expected = module.embedding(module.elements).detach().numpy()[numbers]
        assert result.vectors == pytest.approx(expected, abs=1e-5)
        assert len(result.correlations) == 2 * 3 * len(PROPERTIES)
        plane = result.points[["component_1", "component_2", "component_3"]].to_numpy()
        known = np.corrcoef(plane[:, 1], element_property("CovalentRadius")[numbers])[0, 1]
        rows = result.correlations.set_index(["vectors", "component", "property"])["r"]
        assert rows["learned", 2, "covalent radius"] == pytest.approx(known)
        element_plane(result, ax)
        assert texts(ax) == [
            s for f in FAMILIES for s in result.points["element"][result.points["family"] == f]
        ]

    def test_probe_bars(self, network: CrystalGraphNetwork, numbers: np.ndarray, ax: Axes) -> None:
        result = element_map(network, numbers, repeats=1)
        probe_bars(result, ax)
        assert len(ax.patches) == 5 * result.probes["property"].nunique()

    def test_again_gives_the_same(self, network: CrystalGraphNetwork, numbers: np.ndarray) -> None:
        one, two = (element_map(network, numbers, repeats=2) for _ in range(2))
        pd.testing.assert_frame_equal(one.probes, two.probes)
        assert one.chance == two.chance

    def test_families(self) -> None:
        symbols = ["H", "Li", "Ca", "Ti", "Mn", "Fe", "Zn", "O", "Ce", "Lu", "U"]
        short = [
            FAMILIES.index(f) for f in families(np.array([ATOMIC_NUMBERS[s] for s in symbols]))
        ]
        assert short == [5, 0, 1, 2, 2, 3, 3, 5, 4, 2, 4]

    def test_too_few_elements(self, network: CrystalGraphNetwork) -> None:
        with pytest.raises(InputError, match="at least 6 elements"):
            element_map(network, [3, 8])


class TestEnvironments:
    def test_vectors_are_one_an_atom_and_the_last_is_what_the_read_out_reads(
        self, network: CrystalGraphNetwork, crystals: tuple[Crystal, ...]
    ) -> None:
        some = crystals[:5]
        X = network.representation.transform(some)
        first, last = (environment_vectors(network, X, number) for number in (1, None))
        assert [v.shape for v in last] == [(len(crystal), 24) for crystal in some]
        assert not np.allclose(np.concatenate(first), np.concatenate(last))
        v = torch.as_tensor(last[2])
        module = network.module_
        with torch.no_grad():
            scaled = module.output(F.softplus(module.hidden(F.softplus(v))))
        values = scaled * module.target_scale + module.target_mean
        assert values[:, 0].numpy() == pytest.approx(network.local_values(X)[2], abs=1e-5)
        with pytest.raises(InputError, match="convolutions 1 to 2"):
            environment_vectors(network, X, 3)
        assert not module.convolutions[0]._forward_hooks

    def test_of_oxides(self, network: CrystalGraphNetwork, ax: Axes) -> None:
        metals = ["Mg", "Ca", "Mn", "Fe", "Co", "Ni"]
        items = [
            salt(m, "O", 4.0 + 0.1 * i + 0.01 * j) for i, m in enumerate(metals) for j in range(6)
        ]
        explanation = explain(network, items)
        result = environment_map(network, items, explanation=explanation)
        assert set(result.points["element"]) == set(metals)
        assert (result.points["neighbours"] == 6).all()
        assert result.sites == 4 * 36
        assert result.distinct <= 36, "the four equal cations of a cell are one point"
        assert result.same_element > 0.8
        assert 0 <= result.value_r2 <= 1
        merged = result.points.merge(explanation.atoms, on=["crystal", "site"])
        assert (merged["value_x"] == merged["value_y"]).all()
        environment_plane(result, ax, method="tsne")
        assert set(texts(ax)) <= set(metals)
        _, other = plots.subplots()
        environment_plane(result, other, colour="value")
        drawn = np.asarray(other.collections[0].get_offsets())
        assert drawn == pytest.approx(result.points[["pca_1", "pca_2"]].to_numpy())
        with pytest.raises(InputError, match="by 'pca' or 'tsne'"):
            environment_plane(result, ax, method="umap")

    def test_without_local_values(self, network: CrystalGraphNetwork, ax: Axes) -> None:
        items = [salt("Mg", "O", 4.0 + 0.02 * i) for i in range(14)]
        result = environment_map(network, items, most=12, convolution=1)
        assert len(result.points) == 12
        assert result.convolution == 1
        assert np.isnan(result.value_r2)
        with pytest.raises(InputError, match="no local values"):
            environment_plane(result, ax, colour="value")
        assert "Environments" in sections.environment_section(Report("a", "b"), result).html()

    def test_too_few_sites(self, network: CrystalGraphNetwork) -> None:
        with pytest.raises(InputError, match="ten sites with at least 2 O"):
            environment_map(network, [salt("Na", "Cl", 5.6)])


class TestImportance:
    def test_the_planted_property_comes_first(self, ax: Axes) -> None:
        dataset = tiny_crystals(200)
        radius = element_property("CovalentRadius")
        planted = np.array([radius[item.numbers].mean() for item in dataset.items])
        result = _importance(dataset, planted)
        assert result.table["property"].iloc[0] == "CovalentRadius"
        assert result.rank("CovalentRadius") == 1
        assert result.mae < 0.35 * result.mae_of_mean
        assert result.table["impurity"].sum() == pytest.approx(1)
        assert len(result.table) == 22
        first, second = result.table["importance"].iloc[:2]
        assert first > 1.5 * second
        importance_bars(result, ax, most=5, marked="Column")
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert labels[0] == "1  CovalentRadius"
        assert len(labels) in (5, 6)
        assert any(label.endswith("Column") for label in labels)
        page = sections.importance_section(Report("a", "b"), result).html()
        assert "CovalentRadius has rank 1 of 22" in page

    def test_in_noise_nothing_matters(self) -> None:
        result = _importance(tiny_crystals(120), np.random.default_rng(1).standard_normal(120))
        assert result.mae > 0.9 * result.mae_of_mean
        assert result.table["importance"].abs().max() < 0.1

    def test_a_block_is_shuffled_as_a_whole(self) -> None:
        """Two copies of one column stand in for each other, unless both are shuffled."""
        dataset = tiny_crystals(120)
        values = np.random.default_rng(0).standard_normal((120, 2))
        columns = values[:, [0, 0, 1]]
        plain = replace(
            dataset, targets=pd.DataFrame({"y_V": values[:, 0]}), quantities={}, _root=None
        )
        together = property_importance(
            plain, KFold(3), representation=_Columns(columns), blocks=["a", "a", "b"], trees=30
        )
        apart = property_importance(
            plain, KFold(3), representation=_Columns(columns), blocks=["a", "c", "b"], trees=30
        )
        whole = together.table.set_index("property")["importance"]
        assert whole["a"] > 0.8
        assert abs(whole["b"]) < 0.05
        assert apart.table.set_index("property")["importance"]["a"] < 0.8 * whole["a"]
        with pytest.raises(IncompatibleError, match="2 blocks for 3 columns"):
            property_importance(plain, representation=_Columns(columns), blocks=["a", "b"])

    def test_mistakes(self) -> None:
        with pytest.raises(IncompatibleError, match="one target"):
            property_importance(tiny_crystals(20))
        with pytest.raises(InputError, match="no such property"):
            _importance(tiny_crystals(30), np.arange(30.0)).rank("Colour")


class _Columns:
    kind = "columns"

    def __init__(self, columns: np.ndarray) -> None:
        self.columns = columns

    def transform(self, items: object) -> np.ndarray:
        return self.columns


def _importance(dataset, y):  # type: ignore[no-untyped-def]
    one = replace(dataset, targets=pd.DataFrame({"y_V": y}), quantities={}, _root=None)
    return property_importance(one, KFold(3), trees=30, repeats=2)


class TestPeriodicTable:
    def test_every_element_has_one_place(self, ax: Axes) -> None:
        periodic_table({ELEMENTS[z]: float(z) for z in range(1, 113)}, ax, label="Z", digits=0)
        shown = texts(ax)
        assert len(shown) == 2 * 112
        assert set(shown[::2]) == set(ELEMENTS[1:113])
        assert "26" in shown

    def test_numbers_and_what_cannot_be_drawn(self, ax: Axes) -> None:
        periodic_table({"Fe": -1.234, "O": 2.0, "Xx": 1.0}, ax, label="V", centre=0.0)
        assert {"−1.23", "2.00", "1 of 3 cannot be drawn"} <= set(texts(ax))  # noqa: RUF001

    @pytest.mark.parametrize("values", [{}, {"Fe": 1.0}])
    def test_few(self, values: dict[str, float], ax: Axes) -> None:
        periodic_table(values, ax, label="V", centre=1.0)
        assert texts(ax).count("1.00") == len(values)

    def test_letters_stand_out(self) -> None:
        assert readable_ink("black") == readable_ink("#00436b") == "white"
        assert readable_ink("#f4f4f2") != "white"


def test_the_page_of_an_explanation(explanation: Explanation, tmp_path: Path) -> None:
    report = sections.explanation_report(explanation, command="leyden explain", version="1")
    page = report.write(tmp_path / "report.html").read_text()
    assert "raises it most" in page
    assert "no measurement" in page
    assert page.count('role="img"') + page.count("<img") == 4
