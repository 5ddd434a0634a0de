"""Ions in a perfect conductor by PM7 and COSMO, calculated with MOPAC.

MOPAC is a program of its own, found on the path. What it gives stands in for the density-functional
COSMO files of COSMO-RS, which are not free: PM7 (J. J. P. Stewart, J. Mol. Model. 19, 1 (2013)) in
the conductor model of A. Klamt and G. Schueuermann, J. Chem. Soc. Perkin Trans. 2, 799 (1993).
Profiles of a semiempirical method are coarser, and no parameters of COSMO-RS were fitted to them.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leyden.data.molecules import formal_charge, inchi_key
from leyden.errors import InputError, LeydenError, MissingExtraError
from leyden.simulators.ion_geometry import (
    conformer,
    molar_mass_g_per_mol,
    van_der_waals_volume_A3,
)
from leyden.simulators.sigma_profiles import PROFILE_NAMES, Surface, sigma_moments
from leyden.worker_processes import THREADS, worker_processes

__all__ = [
    "COSMO_COLUMNS",
    "MopacMissingError",
    "cosmo_descriptors",
    "deepest_potential",
    "kept_rows",
    "mopac_version",
    "simulate",
]

#: What is calculated of an ion, with its unit; ``p_...`` is the sigma profile in A^2 a bin.
COSMO_COLUMNS = (
    "charge",
    "mw",
    "cosmo_area_A2",
    "vdw_volume_dclv_A3",
    "cosmo_volume_A3",
    "hof_kcal_mol",
    "homo_eV",
    "lumo_eV",
    "sig_M1_e",
    "sig_M2",
    "sig_M3",
    "hb_acc",
    "hb_don",
    *PROFILE_NAMES,
)

#: Columns of the table of segments in a ``.cos`` file: A^2, e/A^2, e/A.
_AREA, _SIGMA, _POTENTIAL = 7, 8, 9
_COULOMB_KCAL_A_PER_MOL_E2 = 332.0637

_RESULTS = {
    "hof_kcal_mol": r"FINAL HEAT OF FORMATION =\s*(\S+)",
    "cosmo_area_A2": r"COSMO AREA\s*=\s*(\S+)",
    "cosmo_volume_A3": r"COSMO VOLUME\s*=\s*(\S+)",
}
_ORBITALS = {  # not told of open shells; three decimals each, and of lone halides run together
    "homo_eV": r"HOMO LUMO ENERGIES \(EV\) = *(-?\d+\.\d{3})",
    "lumo_eV": r"HOMO LUMO ENERGIES \(EV\) = *-?\d+\.\d{3} *(-?\d+\.\d{3})",
}


class MopacMissingError(MissingExtraError):
    """MOPAC is needed, and not on the path."""

    def __init__(self) -> None:
        self.module, self.extra = "mopac", ""
        super(MissingExtraError, self).__init__(
            "MOPAC is not on the path. Remedy: apt install mopac (Debian, Ubuntu), or "
            "conda install -c conda-forge mopac."
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), ())


def mopac_version() -> str:
    """Version of the MOPAC on the path, such as ``"22.0.6"``.

    Raises
    ------
    MopacMissingError
    """
    program = shutil.which("mopac")
    if program is None:
        raise MopacMissingError
    return _version(program)


def cosmo_descriptors(
    smiles: str, *, random_state: int = 0, timeout_s: float = 600.0
) -> dict[str, float]:
    """Energy, orbitals, cavity and sigma profile of one ion: `COSMO_COLUMNS`.

    The geometry is relaxed in the conductor (keywords ``PM7 CHARGE=q EPS=999.9 COSWRT``), from the
    conformer of this seed. An ion of 25 atoms takes about a second.

    Parameters
    ----------
    smiles : str
        One ion or molecule. The orbital energies of open shells are NaN.
    random_state : int
        Seed of the conformer.
    timeout_s : float
        Longest time of the calculation.

    Raises
    ------
    MopacMissingError
    InputError
        A SMILES that cannot be read; an ion for which the calculation fails or takes too long.
    """
    output, segments = _in_conductor(smiles, random_state, timeout_s)
    surface = Surface(segments[:, _AREA], segments[:, _SIGMA])
    results = {name: _number(pattern, output) for name, pattern in (_RESULTS | _ORBITALS).items()}
    if any(math.isnan(results[name]) for name in _RESULTS):
        raise InputError("MOPAC must give energy and cavity", value=_reason(output, smiles))
    values = {
        "charge": float(formal_charge(smiles)),
        "mw": molar_mass_g_per_mol(smiles),
        "vdw_volume_dclv_A3": van_der_waals_volume_A3(smiles, random_state),
        **results,
        **sigma_moments(surface),
        **dict(zip(PROFILE_NAMES, surface.profile().tolist(), strict=True)),
    }
    return {name: values[name] for name in COSMO_COLUMNS}


def deepest_potential(
    smiles: str, *, random_state: int = 0, timeout_s: float = 600.0
) -> dict[str, float]:
    """Energy of a unit charge where the ion's cavity draws it most, by the ion's charges alone.

    The calculation is that of `cosmo_descriptors`; the potential is the ion's, without that of the
    screening charges.

    Parameters
    ----------
    smiles, random_state, timeout_s
        As of `cosmo_descriptors`.

    Returns
    -------
    dict
        ``deepest_potential_kcal_mol``: of a positive charge, negative beside an anion.

    Raises
    ------
    MopacMissingError
    InputError
        As of `cosmo_descriptors`.
    """
    _, segments = _in_conductor(smiles, random_state, timeout_s)
    lowest = float(segments[:, _POTENTIAL].min())
    return {"deepest_potential_kcal_mol": _COULOMB_KCAL_A_PER_MOL_E2 * lowest}


def simulate(
    ions: Sequence[str],
    folder: str | Path,
    *,
    n_jobs: int = 1,
    random_state: int = 0,
    timeout_s: float = 600.0,
) -> pd.DataFrame:
    """Calculate many ions; what is done stays done if the run is killed.

    A finished ion is one file in `folder`, named by its InChIKey under the version of MOPAC and the
    seed, and is not calculated again. A file is there whole or not at all.

    Parameters
    ----------
    ions : sequence of str, length n
        SMILES.
    folder : path
        Made where it is absent.
    n_jobs : int
        Processes; more than one need ``if __name__ == "__main__":`` in a script.
    random_state, timeout_s
        As of `cosmo_descriptors`.

    Returns
    -------
    DataFrame
        One row an ion, in order: ``smiles``, ``inchikey``, `COSMO_COLUMNS` (NaN where it failed)
        and ``error``, which is empty where all went well.

    Raises
    ------
    MopacMissingError
    """
    shelf = Path(folder) / f"mopac-{mopac_version()}-seed-{random_state}"
    calculate = partial(cosmo_descriptors, random_state=random_state, timeout_s=timeout_s)
    return kept_rows(ions, shelf, calculate, COSMO_COLUMNS, n_jobs=n_jobs)


def kept_rows(
    ions: Sequence[str],
    shelf: Path,
    calculate: Callable[[str], dict[str, float]],
    columns: Sequence[str],
    *,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """What `calculate` gives of each ion, kept as one file an ion, named by its InChIKey.

    Parameters
    ----------
    ions : sequence of str, length n
        SMILES.
    shelf : path
        A folder for this calculation with these settings; made where it is absent.
    calculate : callable
        Of a SMILES; what it raises as `LeydenError` is the row's ``error``.
    columns : sequence of str
        The names of what it gives.
    n_jobs : int

    Returns
    -------
    DataFrame
        One row an ion, in order: ``smiles``, ``inchikey``, `columns` (NaN where it failed) and
        ``error``, which is empty where all went well.
    """
    shelf.mkdir(parents=True, exist_ok=True)
    one = partial(_kept, shelf=shelf, calculate=calculate)
    if n_jobs == 1:
        rows = [one(smiles) for smiles in ions]
    else:
        with worker_processes(n_jobs) as pool:
            rows = list(pool.map(one, ions))
    return pd.DataFrame(rows, columns=["smiles", "inchikey", *columns, "error"])


def _kept(
    smiles: str, *, shelf: Path, calculate: Callable[[str], dict[str, float]]
) -> dict[str, Any]:
    """One row of the table, read from its file or calculated; a failure is a row too."""
    row: dict[str, Any] = {"smiles": smiles, "inchikey": "", "error": ""}
    try:
        row["inchikey"] = inchi_key(smiles)
        file = shelf / f"{row['inchikey']}.json"
        if file.exists():
            return row | json.loads(file.read_text())
        values = calculate(smiles)
    except LeydenError as error:
        return row | {"error": str(error)}
    handle, temporary = tempfile.mkstemp(dir=shelf, suffix=".part")
    with os.fdopen(handle, "w") as stream:
        json.dump(values, stream)
    os.replace(temporary, file)
    return row | values


def _in_conductor(
    smiles: str, random_state: int, timeout_s: float
) -> tuple[str, NDArray[np.float64]]:
    """MOPAC's output of an ion relaxed in the conductor, and the segments of its cavity (n, 10)."""
    mopac_version()
    molecule = conformer(smiles, random_state)
    with tempfile.TemporaryDirectory(prefix="leyden-mopac-") as folder:
        output, cavity = _run(Path(folder), molecule, formal_charge(smiles), timeout_s)
    segments = _read_segments(cavity)
    if "JOB ENDED NORMALLY" not in output or segments is None:
        raise InputError("MOPAC must be able to calculate the ion", value=_reason(output, smiles))
    return output, segments


def _run(folder: Path, molecule: Any, charge: int, timeout_s: float) -> tuple[str, str]:
    """The output and the cavity file of a calculation; empty where it left none."""
    lines = [f"PM7 CHARGE={charge} EPS=999.9 COSWRT", "", ""]
    positions = molecule.GetConformer().GetPositions()
    for atom, place in zip(molecule.GetAtoms(), positions, strict=True):
        lines.append(f"{atom.GetSymbol()} " + " ".join(f"{x:.6f} 1" for x in place))
    (folder / "ion.mop").write_text("\n".join(lines) + "\n")
    try:
        subprocess.run(
            ["mopac", "ion.mop"],
            cwd=folder,
            env=os.environ | dict.fromkeys(THREADS, "1"),
            capture_output=True,
            timeout=timeout_s,
            check=False,  # its exit status is 0 whatever happens: the output tells
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            "a calculation must end in time",
            value=f"{timeout_s:g} s",
            remedy="give timeout_s more seconds",
        ) from error
    output, cavity = (_text(folder / f"ion.{suffix}") for suffix in ("out", "cos"))
    return output, cavity


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def _read_segments(cavity: str) -> NDArray[np.float64] | None:
    """The segments of a ``.cos`` file; none where their table is missing or cut short."""
    match = re.search(r"SEGMENT DATA: NPS=\s*(\d+)", cavity)
    if match is None:
        return None
    rows = [line.split() for line in cavity[match.end() :].splitlines()[2:]]
    values = [row for row in rows if len(row) == 10]
    return np.array(values, dtype=float) if len(values) == int(match[1]) else None


def _number(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    return float(match[1]) if match else math.nan


def _reason(output: str, smiles: str) -> str:
    """What MOPAC says of its failure: the lines between the stars at the end of its output."""
    said = re.findall(r"^ \* +([A-Z].*?) *\*$", output[-3000:], re.MULTILINE)
    lines = [
        line for line in said if "termination messages" not in line and "JOB ENDED" not in line
    ]
    return "; ".join([smiles, *lines[:2]])


@lru_cache(maxsize=8)
def _version(program: str) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"version\s+(\S+)", told.stdout)
    return match[1] if match else "unknown"
