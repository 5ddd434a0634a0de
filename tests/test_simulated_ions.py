"""The simulated source, and group contributions: against measurement and against known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data.ions import IonPair, StatePoint
from leyden.data.molecules import inchi_key
from leyden.errors import IncompatibleError, InputError
from leyden.models.group_contribution import GroupContribution
from leyden.representations.group_counts import GroupCounts
from leyden.simulators.ionic_liquids import SIMULATED, parachor_counts, simulated_ionic_liquids
from leyden.testing import check_model, check_representation

CATIONS = ["CC[n+]1ccn(C)c1", "CCCC[n+]1ccn(C)c1", "CCCC[N+]1(C)CCCC1", "CCCC[P+](CC)(CC)CC"]
ANIONS = ["F[B-](F)(F)F", "N#C[N-]C#N", "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F", "CC(=O)[O-]"]


def test_grid_is_every_pair_once() -> None:
    written_twice = [*CATIONS, "CCn1cc[n+](C)c1"]
    data = simulated_ionic_liquids(written_twice, ANIONS, ["simulated_density_kg_per_m3"])
    assert len(data) == len(CATIONS) * len(ANIONS)
    assert set(data.groups["cation"]) == {inchi_key(ion) for ion in CATIONS}
    for item, row in zip(data.items, data.groups.itertuples(), strict=True):
        assert item.pair.keys == (row.cation, row.anion)
    assert isinstance(data.items[0], StatePoint)
    same = simulated_ionic_liquids(CATIONS[::-1], ANIONS, ["simulated_density_kg_per_m3"])
    assert same.fingerprint() == data.fingerprint()


def test_simulated_density_is_near_the_measured_one(data_home: Callable[[str], Path]) -> None:
    table = pd.read_csv(data_home("ilthermo") / "density.csv.gz")
    near = table[(table["temperature_K"] - 298.15).abs() < 0.1]
    near = near[near["pressure_kPa"].between(90, 110) & (near["density_kg_per_m3"] > 500)]
    density = near.groupby(["cation", "anion"])["density_kg_per_m3"].median()
    pairs = density.sample(40, random_state=0)
    cations, anions = (sorted(set(pairs.index.get_level_values(i))) for i in (0, 1))
    data = simulated_ionic_liquids(cations, anions, ["simulated_density_kg_per_m3"])
    found = pd.Series(data.y, data.ids)[[".".join(IonPair(*pair).keys) for pair in pairs.index]]
    apart = np.abs(found.to_numpy() / pairs.to_numpy() - 1)
    assert np.median(apart) < 0.04
    assert np.mean(apart) < 0.05


def test_stoichiometry_and_state_enter() -> None:
    names = ["simulated_density_kg_per_m3", "simulated_lattice_energy_kJ_per_mol"]
    double = "C[n+]1ccn(CCCCn2cc[n+](C)c2)c1"
    data = simulated_ionic_liquids([double], ["F[B-](F)(F)F"], names)
    mass = 220.32 + 2 * 86.80
    volume = 1e-3 * mass / data.targets[names[0]][0]  # m3/mol
    single = simulated_ionic_liquids(["CC[n+]1ccn(C)c1"], ["F[B-](F)(F)F"], names)
    assert 1.7 < volume / (1e-3 * 197.97 / single.targets[names[0]][0]) < 2.2
    assert data.targets[names[1]][0] > 2 * single.targets[names[1]][0]
    warm = simulated_ionic_liquids([double], ["F[B-](F)(F)F"], names, temperature_K=350.0)
    assert warm.targets[names[0]][0] < data.targets[names[0]][0]
    assert warm.items[0].temperature_K == warm.conditions["temperature_K"][0] == 350.0


def test_interactions_rank_as_chemistry_does(data_home: Callable[[str], Path]) -> None:
    """Protonated amines bind acetate by hydrogen bonds, quaternary ones do not."""
    data_home("il-ions")
    data = simulated_ionic_liquids(["CC[NH3+]", "C[N+](C)(C)C"], ["CC(=O)[O-]", "F[B-](F)(F)F"])
    assert data.targets.notna().all(axis=None)
    energy = data.targets.set_index(data.ids)["simulated_hydrogen_bond_energy_kJ_per_mol"]

    def of(cation: str, anion: str) -> float:
        return float(energy[".".join(IonPair(cation, anion).keys)])

    assert of("CC[NH3+]", "CC(=O)[O-]") < of("CC[NH3+]", "F[B-](F)(F)F") < 0
    assert of("CC[NH3+]", "CC(=O)[O-]") < 5 * of("C[N+](C)(C)C", "CC(=O)[O-]")


def test_families_are_its_own_unless_asked() -> None:
    name = "simulated_density_kg_per_m3"
    measured = simulated_ionic_liquids(CATIONS[:1], ANIONS[:1], [name], as_measured=True)
    own = simulated_ionic_liquids(CATIONS[:1], ANIONS[:1], [name])
    assert measured.quantities == {name: "density"}
    assert own.quantities == {name: "simulated density"}
    assert "stand-in" in own.name
    assert all(target.startswith("simulated_") for target in SIMULATED)


def test_what_cannot_be_simulated_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="did you mean 'simulated_density"):
        simulated_ionic_liquids(CATIONS, ANIONS, ["simulated_density_kg_m3"])
    with pytest.raises(InputError, match="cations must carry positive"):
        simulated_ionic_liquids(ANIONS, ANIONS)
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    with pytest.raises(InputError, match="ions must be given"):
        simulated_ionic_liquids()
    without = simulated_ionic_liquids(CATIONS[:1], ANIONS[:1])
    assert without.targets["simulated_misfit_energy_kJ_per_mol"].isna().all()
    assert without.targets["simulated_density_kg_per_m3"].notna().all()


def test_parachor_counts_are_those_of_the_drawn_molecule() -> None:
    assert parachor_counts("c1ccccc1") == {"C": 6, "H": 6, "double bond": 3, "ring of 6": 1}
    sulfone = parachor_counts("CS(=O)(=O)C")
    assert "double bond" not in sulfone
    assert parachor_counts("CC#N")["triple bond"] == 1


def counted(smiles: str) -> dict[str, int]:
    counts, names = GroupCounts().transform([smiles])[0], GroupCounts().names()
    return {name: int(n) for name, n in list(zip(names, counts, strict=True))[:-5] if n}


def test_groups_of_known_ions() -> None:
    check_representation(GroupCounts(), [*CATIONS, *ANIONS])
    assert counted("CCCC[n+]1ccn(C)c1") == {
        "imidazolium": 1,
        "methyl on charge": 1,
        "methylene on charge": 1,
        "methyl": 1,
        "methylene": 2,
    }
    assert counted("O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F") == {
        "bis(sulfonyl)imide": 1,
        "trifluoromethyl": 2,
    }
    assert counted("CCOS(=O)(=O)[O-]") == {"sulfate": 1, "methylene": 1, "methyl": 1}
    assert counted("C[N+](C)(C)CCO") == {
        "ammonium": 1,
        "methyl on charge": 3,
        "methylene on charge": 1,
        "methylene": 1,
        "hydroxyl": 1,
    }


@pytest.mark.parametrize("smiles", ["CCCC[P+](C)(C)C", "OCC[n+]1ccn(Cc2ccccc2)c1", "[O-]C(=O)CN"])
def test_resonance_and_order_do_not_matter(smiles: str) -> None:
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    turned = Chem.MolToSmiles(molecule, rootedAtAtom=molecule.GetNumAtoms() - 1)
    assert counted(turned) == counted(smiles)


def points(temperatures: np.ndarray) -> list[StatePoint]:
    """Homologous imidazolium and pyrrolidinium salts at some temperatures."""
    chains = ["C" * n for n in range(1, 11)]
    cations = [f"{chain}[n+]1ccn(C)c1" for chain in chains]
    cations += [f"{chain}[N+]1(C)CCCC1" for chain in chains]
    return [
        StatePoint(IonPair(cation, anion), float(T))
        for cation in cations
        for anion in ANIONS
        for T in temperatures
    ]


LAWS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "density_kg_per_m3": lambda n, m, T: 1e3 * m / ((90 + 17 * n) * (1 + 6.5e-4 * (T - 298.15))),
    "log10_viscosity_Pa_s": lambda n, m, T: -4.5 - 0.05 * n + (300 + 12 * n) / (T - 165.06),
    "heat_capacity_J_per_mol_K": lambda n, m, T: (120 + 30 * n) * (1 + 8e-4 * (T - 298.15)),
    "melting_point_K": lambda n, m, T: 350 - 6.0 * n,
}


@pytest.mark.parametrize("property", LAWS)
def test_an_additive_law_is_found(property: str) -> None:
    """Made data that obey the form are predicted for pairs and temperatures not seen."""
    items = points(np.array([290.0, 310.0, 330.0, 350.0]))
    model = GroupContribution(property)
    X = model.representation.transform(items)
    carbons = np.array([item.cation.count("C") for item in items])
    mass = X.cations.vectors[X.cation, -2] + X.anions.vectors[X.anion, -2]
    y = LAWS[property](carbons, mass, X.temperature_K)
    unseen = (X.cation * 7 + X.anion) % 5 == 0
    fitted = model.fit(X[np.flatnonzero(~unseen)], y[~unseen])
    error = np.abs(fitted.predict(X[np.flatnonzero(unseen)]) - y[unseen])
    assert error.mean() < 0.02 * np.ptp(y)


@pytest.mark.parametrize("property", [*LAWS, "surface_tension_N_per_m"])
def test_contract(property: str) -> None:
    model = GroupContribution(property)
    X = model.representation.transform(points(np.array([300.0]))[::3])
    y = np.random.default_rng(0).uniform(0.03, 0.05, len(X))
    check_model(model, X, y if "surface" in property else 1000 * y)


def test_an_outlier_does_not_bend_the_increments() -> None:
    model = GroupContribution("melting_point_K")
    X = model.representation.transform(points(np.array([300.0])))
    y = LAWS["melting_point_K"](X.cations.vectors[X.cation].sum(1) * 0 + X.cation % 10, X, X)
    wrong = y.copy()
    wrong[[3, 40]] = 3000.0
    clean, bent = (model.fit(X, each).predict(X) for each in (y, wrong))
    keep = np.delete(np.arange(len(y)), [3, 40])
    assert np.abs(bent - clean)[keep].mean() < 15


def test_a_property_without_a_form_is_refused() -> None:
    X = GroupContribution("melting_point_K").representation.transform(points(np.array([300.0])))
    with pytest.raises(IncompatibleError, match="did you mean 'melting_point_K'"):
        GroupContribution("melting_point_C").fit(X, np.ones(len(X)))
    with pytest.raises(IncompatibleError, match="need rows"):
        GroupContribution("melting_point_K").fit(X, np.full(len(X), np.nan))
