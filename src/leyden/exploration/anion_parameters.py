"""From an anion to its bead: what the coarse-grained electrolyte takes an anion for.

A bead has a radius and three Lennard-Jones depths: to lithium, to the chain and to its like. The
parameters are those of TFSI, where `leyden.simulators.polymer_electrolyte` has its reference,
changed by what sets the anion apart from TFSI in PM7 and COSMO. TFSI is the reference exactly. The
table of the published parameters is not public: every step is an estimate of ours, and what is
uncertain in it is a `Factor` with a range.

* ``anion_radius``: a power, near 1/3, of the volume of the COSMO cavity.
* ``epsilon_cation_anion``: the part of lithium's binding that the charge of a bead does not give,
  ``B - k e^2 / r_c``. `B` is the energy of a unit charge at the deepest potential of the anion's
  cavity, and `r_c` the radius of a sphere of the cavity's volume: where the potential was taken. A
  lone ion has none of it, and lies at the bound of the search space: its small bead draws lithium
  by its charge alone. The ratio to TFSI is taken, so that the dielectric of the model cancels.
* ``epsilon_anion_chain``: less by what a contact with the chain is screened worse than TFSI's: the
  misfit energy of COSMO-SAC between the anion's surface and that of dimethoxyethane, times the
  surface that a bead of radius `r` turns to one of EO, which goes as ``(r / (r + r_EO))^2``.
* ``epsilon_anion_anion``: between spheres of one material, dispersion at contact grows with their
  radius (B. V. Derjaguin, Kolloid-Z. 69, 155 (1934)). Polarisability, by which iodide differs from
  a fluorinated ion of its size, is not seen.

Two roads for lithium were tried and left. A pair of lithium and the anion relaxed by PM7 binds
Li-Cl by 134 kcal/mol, 20 less than heats of formation give, and scatters by 17 about the potential
over 17 common anions. And the well depth of the beads cannot be matched: in the reference, the
Coulomb force holds the pair inside the repulsive wall, where a greater epsilon makes the well
shallower first and deeper only later, so that one depth has two epsilons.

Beads know nothing of shape, chelation, hydrogen bonds, stability or price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leyden.data.molecules import formal_charge, inchi_key, is_metal_ion, read_molecule
from leyden.errors import InputError, LeydenError, did_you_mean
from leyden.physics.cosmo_segments import misfit_energy_kJ_per_mol
from leyden.simulators.cosmo_table import cosmo_rows
from leyden.simulators.mopac import deepest_potential, kept_rows, mopac_version
from leyden.simulators.polymer_electrolyte import (
    EPSILON_BOUNDS,
    RADIUS_BOUNDS_A,
    SEARCH_SPACES,
    PolymerElectrolyte,
)
from leyden.simulators.sigma_profiles import PROFILE_NAMES, SIGMA_E_PER_A2

__all__ = [
    "BEAD_COLUMNS",
    "DESCRIPTOR_COLUMNS",
    "FACTORS",
    "OF_EACH_ANION",
    "SIMULATED_BOUNDS",
    "TFSI",
    "Factor",
    "anion_descriptors",
    "bead_parameters",
    "chain_contact_kcal_per_mol",
    "factor_draws",
]

Floats = NDArray[np.float64]

TFSI = "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"

_POTENTIAL = "deepest_potential_kcal_mol"
_MOST_ATOMS = 100  # MOPAC takes minutes beyond, and one bead is no picture of such an anion

#: What an anion must be known by: volume of the COSMO cavity, A^3; deepest potential at it for a
#: unit charge, kcal/mol; free energy of a contact with the chain, kcal/mol.
DESCRIPTOR_COLUMNS = ("cosmo_volume_A3", _POTENTIAL, "chain_contact_kcal_mol")

#: What comes of it: the parameters of the search space "anion", but for the concentration.
BEAD_COLUMNS = (
    "anion_radius",
    "epsilon_cation_anion",
    "epsilon_anion_chain",
    "epsilon_anion_anion",
)

#: As far as the simulator takes them, which is wider than the search space.
SIMULATED_BOUNDS: Mapping[str, tuple[float, float]] = {
    name: RADIUS_BOUNDS_A if name.endswith("radius") else EPSILON_BOUNDS for name in BEAD_COLUMNS
}


class Factor(NamedTuple):
    """A number in the estimates that nobody knows well: what is taken, and within what bounds."""

    value: float
    low: float
    high: float
    meaning: str


#: The stated factors. Ranges are judgements, as wide as we could be wrong. An error of 30 kcal/mol
#: at most is 17 by standard deviation, as the potential and PM7's pair scatter about each other:
#: half of that variance for the potential of an anion, and as much for that of TFSI, from which it
#: is told. TFSI, which holds lithium by two oxygens, binds it by 120 to 145 kcal/mol (R. Arnaud et
#: al., J. Phys. Chem. 100, 10882 (1996)), the potential, at one place, by 117.
FACTORS: Mapping[str, Factor] = {
    "radius_exponent": Factor(
        1 / 3, 0.27, 0.4, "radius by this power of the volume: flat and branched ions differ"
    ),
    "cation_gain": Factor(
        1.0, 0.5, 2.0, "how much of the relative difference in binding epsilon takes over"
    ),
    "chain_gain": Factor(1.0, 0.0, 2.0, "contacts of 7.5 A^2 between TFSI and a bead of EO"),
    "size_exponent": Factor(
        1.0, 0.0, 3.0, "epsilon between anions by this power of the radius; 3 is by the volume"
    ),
    "binding_error": Factor(
        0.0, -30.0, 30.0, "kcal/mol by which the potential misses an anion's binding, less TFSI's"
    ),
}

#: Factors that err for each anion by itself, not for all alike; TFSI, the anchor, has no error.
OF_EACH_ANION = ("binding_error",)

#: `DESCRIPTOR_COLUMNS` of the anions of the four salts that are compared with experiment, so that
#: these need neither MOPAC nor a data home: MOPAC 22.0.6, PM7, conformer of seed 0.
_KNOWN: Mapping[str, tuple[float, float, float]] = {
    "NHHWJSXMTZIPES-UHFFFAOYSA-N": (218.61, -117.422, 0.5959),  # TFSI
    "NVIANCROYQGROD-UHFFFAOYSA-N": (137.40, -125.534, 1.0389),  # FSI
    "LJQLCJWAZJINEB-UHFFFAOYSA-N": (102.97, -146.145, 0.7300),  # PF6
    "VEXZGXHMUGYJMC-UHFFFAOYSA-M": (36.09, -162.001, 1.9722),  # Cl
}

_COULOMB_KCAL_A_PER_MOL_E2 = 332.0637
_GAS_CONSTANT_KCAL_PER_MOL_K = 0.0019872041
_KJ_PER_KCAL = 4.184

#: Sigma profile of dimethoxyethane, A^2 a bin of 0.001 e/A^2 from -0.008: MOPAC 22, PM7, seed 0.
_ETHER = (
    *(0.492, 6.103, 21.295, 22.636, 14.445, 13.808, 12.106, 7.841, 3.395, 1.471, 1.117, 2.094),
    *(1.065, 1.991, 3.518, 2.419, 1.802, 0.314, 0.207, 1.883, 1.423, 2.922, 2.846, 1.305, 0.310),
    *(2.325, 1.699, 1.357, 2.293, 2.480),
)
_ETHER_FROM = -0.008


def chain_contact_kcal_per_mol(profiles: Floats, temperature_K: float = 363.0) -> Floats:
    """Free energy of a contact between an anion's surface and that of dimethoxyethane.

    Each segment of the anion meets those of the ether as the Boltzmann factors of the misfit energy
    say, `-RT sum_s p(s) ln sum_s' p'(s') exp(-E(s, s')/RT)`. Hydrogen bonds are left out: an ether
    has no donors. It is high for hard anions, whose charge nothing of the ether screens.

    Parameters
    ----------
    profiles : ndarray, shape (n, 61)
        Sigma profiles of the anions, A^2 a bin.
    temperature_K : float

    Returns
    -------
    ndarray, shape (n,)
        kcal/mol of contacts of 7.5 A^2. NaN where a profile is.
    """
    sigma = SIGMA_E_PER_A2
    first = int(np.argmin(np.abs(sigma - _ETHER_FROM)))
    ether = np.zeros(len(sigma))
    ether[first : first + len(_ETHER)] = np.array(_ETHER) / sum(_ETHER)
    thermal = _GAS_CONSTANT_KCAL_PER_MOL_K * temperature_K
    misfit = misfit_energy_kJ_per_mol(sigma[:, None], sigma) / _KJ_PER_KCAL
    by_segment = -thermal * np.log(np.exp(-misfit / thermal) @ ether)
    return np.asarray(profiles @ by_segment / profiles.sum(axis=1))


def anion_descriptors(
    anions: Sequence[str], folder: str | Path | None = None, *, n_jobs: int = 1
) -> pd.DataFrame:
    """What the estimates need of anions, from the data home where it knows them, and by MOPAC.

    Parameters
    ----------
    anions : sequence of str, length n
        SMILES of molecular anions of charge -1.
    folder : path, optional
        Where MOPAC's results are kept (some seconds an anion, once). Without it nothing is
        calculated, and only TFSI, FSI, PF6 and Cl are known.
    n_jobs : int
        Processes for the calculations.

    Returns
    -------
    DataFrame
        One row an anion, in order: ``smiles``, ``inchikey``, `DESCRIPTOR_COLUMNS` (NaN where one
        is not known) and ``error``, which says why and what helps.

    Raises
    ------
    MopacMissingError
        An anion must be calculated, and there is no MOPAC.
    """
    keys, faults = zip(*map(_key, anions), strict=True) if len(anions) else ((), ())
    rows = pd.DataFrame({"smiles": list(anions), "inchikey": keys})
    unknown = (np.nan,) * len(DESCRIPTOR_COLUMNS)
    known = np.array([_KNOWN.get(key, unknown) for key in keys]).reshape(-1, len(unknown))
    rows[list(DESCRIPTOR_COLUMNS)] = known
    rows["error"] = faults
    lacking = ~rows.inchikey.isin(_KNOWN) & (rows.error == "")
    if lacking.any():
        made = _calculated(rows.smiles[lacking].tolist(), folder, n_jobs)
        rows.loc[lacking, made.columns] = made.to_numpy()
    return rows.astype(dict.fromkeys(DESCRIPTOR_COLUMNS, float))


def bead_parameters(
    descriptors: pd.DataFrame,
    factors: Mapping[str, float | Floats] | None = None,
    *,
    bounds: Mapping[str, tuple[float, float]] = SEARCH_SPACES["anion"],
) -> pd.DataFrame:
    """Parameters of the beads of anions, inside bounds.

    Parameters
    ----------
    descriptors : DataFrame, n rows
        `DESCRIPTOR_COLUMNS`, as of `anion_descriptors`.
    factors : mapping of str to float or ndarray (n,), optional
        Other values than those of `FACTORS`, for all anions or one each.
    bounds : mapping of str to (float, float)
        Of each of `BEAD_COLUMNS`; those of the search space by default, and `SIMULATED_BOUNDS` for
        what is simulated itself.

    Returns
    -------
    DataFrame, n rows
        `BEAD_COLUMNS`, and ``clipped``: the names of those that a bound has cut, joined by commas.
        Index as of `descriptors`; NaN where a descriptor is.

    Raises
    ------
    InputError
        A factor that is not known.
    """
    for name in factors or {}:
        if name not in FACTORS:
            remedy = did_you_mean(name, FACTORS)
            raise InputError("not a factor of the estimates", value=name, remedy=remedy)
    by: dict[str, float | Floats] = {name: factor.value for name, factor in FACTORS.items()}
    by |= factors or {}
    model = PolymerElectrolyte()
    volume, potential, contact = descriptors[list(DESCRIPTOR_COLUMNS)].to_numpy(float).T
    tfsi_volume, tfsi_potential, tfsi_contact = _KNOWN[inchi_key(TFSI)]
    size = (volume / tfsi_volume) ** by["radius_exponent"]
    radius = model.anion_radius * size

    def turned_to_chain(radius: Floats | float) -> Floats | float:
        return (radius / (radius + model.monomer_radius)) ** 2

    binding = _beyond_charge(potential - by["binding_error"], volume)
    binding = binding / _beyond_charge(tfsi_potential, tfsi_volume)
    screened = contact * turned_to_chain(radius) / turned_to_chain(model.anion_radius)
    values = {
        "anion_radius": radius,
        "epsilon_cation_anion": model.epsilon_cation_anion
        * (1 + by["cation_gain"] * (binding - 1)),
        "epsilon_anion_chain": model.epsilon_anion_chain
        + by["chain_gain"] * (tfsi_contact - screened),
        "epsilon_anion_anion": model.epsilon_anion_anion * size ** by["size_exponent"],
    }
    return _inside_bounds(pd.DataFrame(values, index=descriptors.index), bounds)


def _beyond_charge(potential: Floats | float, volume: Floats | float) -> Floats | float:
    """What binds lithium more than a point charge would through a sphere of this volume."""
    cavity_radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
    return -potential - _COULOMB_KCAL_A_PER_MOL_E2 / cavity_radius


def factor_draws(
    inchikeys: Sequence[str], n: int, random_state: int
) -> list[dict[str, float | Floats]]:
    """Sets of factors (n of them), each factor even over its range and independent of the others.

    An anion's own error depends on its InChIKey and the seed alone, not on its place in a list.
    """
    generator = np.random.default_rng(random_state)
    shared = [name for name in FACTORS if name not in OF_EACH_ANION]
    low, high = np.array([(FACTORS[name].low, FACTORS[name].high) for name in shared]).T
    drawn = generator.uniform(low, high, size=(n, len(shared)))
    sets: list[dict[str, float | Floats]] = [dict(zip(shared, row, strict=True)) for row in drawn]
    for name in OF_EACH_ANION:
        own = np.array([_own_error(key, name, n, random_state) for key in inchikeys])
        for place, values in enumerate(sets):
            values[name] = own[:, place]
    return sets


def _own_error(inchikey: str, name: str, n: int, random_state: int) -> Floats:
    if inchikey == inchi_key(TFSI):
        return np.zeros(n)
    seed = [random_state, *inchikey.encode()]
    factor = FACTORS[name]
    return np.random.default_rng(seed).uniform(factor.low, factor.high, n)


def _inside_bounds(values: pd.DataFrame, bounds: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    low, high = np.array([bounds[name] for name in BEAD_COLUMNS]).T
    cut = (values.lt(low) | values.gt(high)).to_numpy()
    inside = values.clip(low, high, axis=1)
    inside["clipped"] = [",".join(np.array(BEAD_COLUMNS)[row]) for row in cut]
    return inside


def _key(smiles: str) -> tuple[str, str]:
    """InChIKey of an anion of charge -1; and why it is none."""
    try:
        if formal_charge(smiles) != -1 or is_metal_ion(smiles) or "." in smiles:
            remedy = "leave it out: the model has one anion of charge -1 to each lithium"
            raise InputError(
                "an anion has charge -1 and is one species", value=smiles, remedy=remedy
            )
        atoms = read_molecule(smiles).GetNumAtoms(onlyExplicit=False)
        if atoms > _MOST_ATOMS:
            raise InputError(
                f"an anion of one bead has {_MOST_ATOMS} atoms at most",
                value=atoms,
                remedy="leave it out",
            )
        return inchi_key(smiles), ""
    except LeydenError as error:
        return "", str(error)


def _calculated(anions: list[str], folder: str | Path | None, n_jobs: int) -> pd.DataFrame:
    table = cosmo_rows(anions, folder, n_jobs=n_jobs)
    if folder is None:
        reason = (
            "an anion whose binding of lithium is not known. Remedy: name a folder, so that MOPAC "
            "can calculate it (Debian package mopac)."
        )
        potential = pd.DataFrame({_POTENTIAL: np.nan, "error": [reason] * len(anions)})
    else:
        shelf = Path(folder) / f"potential-mopac-{mopac_version()}-seed-0"
        calculate = partial(deepest_potential, random_state=0)
        worked = np.flatnonzero(table.error == "")  # what failed once would fail again
        made = kept_rows(
            [anions[place] for place in worked], shelf, calculate, [_POTENTIAL], n_jobs=n_jobs
        )
        potential = made.set_axis(worked).reindex(range(len(anions)))
    contact = chain_contact_kcal_per_mol(table[list(PROFILE_NAMES)].to_numpy())
    values = (table.cosmo_volume_A3, potential[_POTENTIAL], contact)
    rows = pd.DataFrame(dict(zip(DESCRIPTOR_COLUMNS, values, strict=True)))
    rows["error"] = np.where(table.error != "", table.error, potential.error)
    return rows
