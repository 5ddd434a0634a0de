"""Simulated ionic liquids: every pair of a grid of ions, by physics and PM7/COSMO.

The published recommender (Sethi, Sundmacher, Ganzer, arXiv:2509.10273) is pretrained on COSMO-RS,
which is not free. This is a stand-in for it. It holds no measured value of any pair: volumes are
those of van der Waals surfaces at random close packing, and the constants are published ones
(`leyden.physics.ionic_liquids`, `leyden.physics.cosmo_segments`), some of which their authors
fitted to a few measured liquids. The slope of heat capacities in temperature, which has no effect
at 298.15 K, is the median of the development data. Viscosity, conductivity and melting points are
left out, since no closed form gives them without fitting to liquids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.data.ions import AMBIENT_KPA, ROOM_K, IonPair, StatePoint
from leyden.data.molecules import inchi_key, read_molecule
from leyden.errors import InputError, did_you_mean
from leyden.physics.cosmo_segments import (
    hydrogen_bond_energy_kJ_per_mol,
    mean_contact_energy_kJ_per_mol,
    misfit_energy_kJ_per_mol,
    segment_free_energy_kJ_per_mol,
)
from leyden.physics.ionic_liquids import (
    RANDOM_CLOSE_PACKING,
    SUGDEN,
    density_kg_per_m3,
    heat_capacity_J_per_mol_K,
    lattice_energy_kJ_per_mol,
    molar_volume_m3_per_mol,
    sugden_parachor,
    surface_tension_N_per_m,
)
from leyden.simulators.cosmo_table import cosmo_rows, known_cosmo_ions
from leyden.simulators.ion_geometry import molar_mass_g_per_mol, van_der_waals_volume_A3
from leyden.simulators.sigma_profiles import PROFILE_NAMES, SIGMA_E_PER_A2

__all__ = ["SIMULATED", "parachor_counts", "simulated_ionic_liquids"]

Floats = np.ndarray


@dataclass(frozen=True)
class _Ions:
    """Ions of one sign, arrays (k,) and (k, 61)."""

    smiles: list[str]
    keys: np.ndarray
    charge: np.ndarray
    mass_g_per_mol: Floats
    volume_A3: Floats
    parachor: Floats
    profile: Floats

    @classmethod
    def of(cls, smiles: Sequence[str], sign: int, folder: str | Path | None, n_jobs: int) -> _Ions:
        first = {inchi_key(text): text for text in reversed(smiles)}
        keys = sorted(first)
        unique = [first[key] for key in keys]
        rows = cosmo_rows(unique, folder, n_jobs=n_jobs)
        molecules = [read_molecule(text) for text in unique]
        charge = np.array([sum(a.GetFormalCharge() for a in m.GetAtoms()) for m in molecules])
        if np.any(sign * charge <= 0):
            raise InputError(
                "cations must carry positive charge, anions negative",
                value=unique[int(np.argmax(sign * charge <= 0))],
                remedy="write the formal charges in the SMILES, such as [Cl-]",
            )
        volume = rows["vdw_volume_dclv_A3"].to_numpy(copy=True)
        for row in np.flatnonzero(np.isnan(volume)):
            volume[row] = van_der_waals_volume_A3(unique[row])
        return cls(
            smiles=unique,
            keys=np.array(keys, dtype=str),
            charge=np.abs(charge),
            mass_g_per_mol=np.array([molar_mass_g_per_mol(text) for text in unique]),
            volume_A3=volume,
            parachor=np.array([_parachor(text) for text in unique]),
            profile=rows[list(PROFILE_NAMES)].to_numpy(),
        )


@dataclass(frozen=True)
class _Salts:
    """Formula units of all pairs of two lists of ions, arrays (n,), and their state."""

    cations: _Ions
    anions: _Ions
    temperature_K: float
    pressure_kPa: float

    @property
    def place(self) -> tuple[np.ndarray, np.ndarray]:
        """Cation and anion of each pair, in the order of the grid."""
        first, second = np.indices((len(self.cations.keys), len(self.anions.keys)))
        return first.ravel(), second.ravel()

    @property
    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Coprime numbers of cations and anions."""
        plus, minus = (
            ions.charge[place]
            for ions, place in zip((self.cations, self.anions), self.place, strict=True)
        )
        divisor = np.gcd(plus, minus)
        return minus // divisor, plus // divisor

    def total(self, name: str) -> Floats:
        """An additive quantity of the ions, of a formula unit."""
        values = [getattr(ions, name) for ions in (self.cations, self.anions)]
        parts = [
            (value[place].T * number).T
            for value, place, number in zip(values, self.place, self.numbers, strict=True)
        ]
        return parts[0] + parts[1]

    def items(self) -> tuple[StatePoint, ...]:
        """The pairs at their state."""
        return tuple(
            StatePoint(IonPair(first, second), self.temperature_K, self.pressure_kPa)
            for first in self.cations.smiles
            for second in self.anions.smiles
        )

    def labels(self) -> pd.DataFrame:
        """InChIKeys of pair, cation and anion."""
        cation, anion = (
            ions.keys[place]
            for ions, place in zip((self.cations, self.anions), self.place, strict=True)
        )
        pair = np.char.add(np.char.add(cation, "."), anion)
        return pd.DataFrame({"pair": pair, "cation": cation, "anion": anion})

    @property
    def liquid_A3(self) -> Floats:
        """Volume of a formula unit in the liquid, at the reference state of Gardas and Coutinho."""
        return self.total("volume_A3") / RANDOM_CLOSE_PACKING

    @property
    def molar_volume(self) -> Floats:
        return molar_volume_m3_per_mol(self.liquid_A3, self.temperature_K, self.pressure_kPa)

    def contacts(self, energy: Callable[[Floats, Floats], Floats]) -> Floats:
        """Mean energy of contacts between the two ions of a pair."""
        first, second = (
            ions.profile[place]
            for ions, place in zip((self.cations, self.anions), self.place, strict=True)
        )
        pair = energy(SIGMA_E_PER_A2[:, None], SIGMA_E_PER_A2)
        return mean_contact_energy_kJ_per_mol(first, second, pair)


def _density(salts: _Salts) -> Floats:
    mass = salts.total("mass_g_per_mol")
    return density_kg_per_m3(mass, salts.liquid_A3, salts.temperature_K, salts.pressure_kPa)


def _heat_capacity(salts: _Salts) -> Floats:
    return heat_capacity_J_per_mol_K(salts.molar_volume, salts.temperature_K)


def _surface_tension(salts: _Salts) -> Floats:
    return surface_tension_N_per_m(salts.total("parachor"), salts.molar_volume)


def _lattice_energy(salts: _Salts) -> Floats:
    """Of the volume at 298.15 K; NaN for other salts than MX, MX2 and M2X."""
    volume = 1e-3 * salts.liquid_A3
    out = np.full(len(volume), np.nan)
    charges = [
        ions.charge[place]
        for ions, place in zip((salts.cations, salts.anions), salts.place, strict=True)
    ]
    for plus, minus in ((1, 1), (2, 1), (1, 2)):
        rows = (charges[0] == plus) & (charges[1] == minus)
        out[rows] = lattice_energy_kJ_per_mol(volume[rows], minus, plus, plus, minus)
    return out


def _misfit(salts: _Salts) -> Floats:
    return salts.contacts(misfit_energy_kJ_per_mol)


def _hydrogen_bond(salts: _Salts) -> Floats:
    return salts.contacts(hydrogen_bond_energy_kJ_per_mol)


def _segments(salts: _Salts) -> Floats:
    return segment_free_energy_kJ_per_mol(
        salts.total("profile"), SIGMA_E_PER_A2, salts.temperature_K
    )


@dataclass(frozen=True)
class _Simulated:
    compute: Callable[[_Salts], Floats]
    family: str
    measured: str | None = None


#: What can be simulated: target to its formula, its own family of quantity, and the family of the
#: measured quantity that it imitates, where there is one.
SIMULATED: Mapping[str, _Simulated] = {
    "simulated_density_kg_per_m3": _Simulated(_density, "simulated density", "density"),
    "simulated_heat_capacity_J_per_mol_K": _Simulated(
        _heat_capacity, "simulated heat capacity", "heat capacity"
    ),
    "simulated_surface_tension_N_per_m": _Simulated(
        _surface_tension, "simulated surface tension", "surface tension"
    ),
    "simulated_lattice_energy_kJ_per_mol": _Simulated(_lattice_energy, "semiempirical"),
    "simulated_misfit_energy_kJ_per_mol": _Simulated(_misfit, "semiempirical"),
    "simulated_hydrogen_bond_energy_kJ_per_mol": _Simulated(_hydrogen_bond, "semiempirical"),
    "simulated_segment_free_energy_kJ_per_mol": _Simulated(_segments, "semiempirical"),
}


def simulated_ionic_liquids(
    cations: Sequence[str] | None = None,
    anions: Sequence[str] | None = None,
    properties: Sequence[str] = tuple(SIMULATED),
    *,
    temperature_K: float = ROOM_K,
    pressure_kPa: float = AMBIENT_KPA,
    as_measured: bool = False,
    folder: str | Path | None = None,
    n_jobs: int = 1,
) -> Dataset:
    """Every pair of the ions with its simulated properties: a stand-in for COSMO-RS.

    No measured value enters, so a simulated pair tells nothing of the measurement of a test pair:
    by default the targets are families of quantity of their own, and a strategy keeps all pairs of
    the grid, as the published pretraining does. With `as_measured` they are of the family of what
    they imitate, and a source loses the pairs (or ions) of the test fold like any other.

    Parameters
    ----------
    cations, anions : sequence of str, optional
        SMILES; ions of equal InChIKey count once. Default: all of the data home's PM7/COSMO table.
    properties : sequence of str
        Names of `SIMULATED`. ``segment_free_energy`` takes half a minute for 100,000 pairs, the
        others a second each.
    temperature_K, pressure_kPa : float
        The state of all pairs.
    as_measured : bool
        Whether simulated density is of the family of measured density, and so on.
    folder : path, optional
        Where MOPAC results are kept; without it nothing is calculated, and targets made of sigma
        profiles are NaN for ions outside the table.
    n_jobs : int
        Processes for MOPAC.

    Returns
    -------
    Dataset
        Items `StatePoint`, ids ``cation.anion`` of InChIKeys, sorted; groups ``pair``, ``cation``
        and ``anion`` (InChIKeys). NaN where there is no value.

    Raises
    ------
    InputError
        A property that is not known, an ion that cannot be read or has no charge of its sign, a
        state outside the domain; no ions given and no table in the data home.
    MopacMissingError
        `folder` is given and an ion must be calculated, and there is no MOPAC.
    """
    _known(properties)
    salts = _Salts(
        _Ions.of(_listed(cations, 1), 1, folder, n_jobs),
        _Ions.of(_listed(anions, -1), -1, folder, n_jobs),
        temperature_K,
        pressure_kPa,
    )
    targets = pd.DataFrame({name: SIMULATED[name].compute(salts) for name in properties})
    groups = salts.labels()
    items = salts.items()
    state = {"temperature_K": temperature_K, "pressure_kPa": pressure_kPa}
    return Dataset(
        name="simulated ionic liquids (stand-in for COSMO-RS)",
        ids=groups["pair"].to_numpy(),
        items=items,
        targets=targets,
        quantities={name: _family(SIMULATED[name], as_measured) for name in properties},
        groups=groups,
        conditions=pd.DataFrame(state, index=range(len(items))),
    )


def parachor_counts(smiles: str) -> dict[str, int]:
    """Atoms, multiple bonds and small rings of a molecule, by the keys of `SUGDEN`.

    Bonds of oxygen to sulfur, phosphorus and chlorine count as single (semipolar) ones, as Sugden
    found. Elements without a constant are counted under their symbol.
    """
    from collections import Counter

    from rdkit import Chem

    molecule = Chem.AddHs(read_molecule(smiles))
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    counts = Counter(atom.GetSymbol() for atom in molecule.GetAtoms())
    for bond in molecule.GetBonds():
        ends = {bond.GetBeginAtom().GetSymbol(), bond.GetEndAtom().GetSymbol()}
        if bond.GetBondTypeAsDouble() == 3:
            counts["triple bond"] += 1
        elif bond.GetBondTypeAsDouble() == 2 and not ends & {"S", "P", "Cl"}:
            counts["double bond"] += 1
    for ring in molecule.GetRingInfo().AtomRings():
        if (name := f"ring of {len(ring)}") in SUGDEN:
            counts[name] += 1
    return dict(counts)


def _parachor(smiles: str) -> float:
    counts = parachor_counts(smiles)
    return float(sugden_parachor(counts)) if counts.keys() <= SUGDEN.keys() else np.nan


def _family(simulated: _Simulated, as_measured: bool) -> str:
    return simulated.measured if as_measured and simulated.measured else simulated.family


def _known(properties: Sequence[str]) -> None:
    for name in properties:
        if name not in SIMULATED:
            remedy = did_you_mean(name, SIMULATED)
            raise InputError("what is simulated must be known", value=name, remedy=remedy)


def _listed(ions: Sequence[str] | None, sign: int) -> list[str]:
    if ions is not None:
        return list(ions)
    known = known_cosmo_ions()
    found = known.loc[np.sign(known["charge"]) == sign, "smiles"].tolist()
    if not found:
        raise InputError(
            "ions must be given where the data home has no table of them",
            remedy="give cations and anions as SMILES",
        )
    return found
