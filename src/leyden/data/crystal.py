"""The crystal: three arrays, checked when it is born, and its doors to pymatgen and ASE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS, reduced_formula
from leyden.errors import InputError

__all__ = ["Crystal"]

_LONGEST = 1e5  # angstrom: what is longer was not meant as a cell, and its square may overflow


@dataclass(frozen=True, eq=False)
class Crystal:
    """An ordered periodic crystal as three arrays.

    Attributes
    ----------
    numbers : ndarray of int, shape (n,)
        Atomic numbers.
    frac : ndarray of float, shape (n, 3)
        Fractional coordinates.
    lattice : ndarray of float, shape (3, 3)
        Rows are the lattice vectors a, b, c in angstrom.

    Raises
    ------
    InputError
        No atoms, arrays that do not fit, a number or lattice that is not finite, a cell without
        volume, or an unknown atomic number. Distances are judged by `parse_crystal`.

    Examples
    --------
    >>> salt = Crystal.from_parameters((3.99, 3.99, 3.99, 60, 60, 60), ["Na", "Cl"],
    ...                                [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> salt.formula, len(salt), round(salt.volume, 2)
    ('NaCl', 2, 44.92)
    """

    numbers: np.ndarray
    frac: np.ndarray
    lattice: np.ndarray

    def __post_init__(self) -> None:
        numbers = np.asarray(self.numbers)
        try:
            frac = np.asarray(self.frac, dtype=float)
            lattice = np.asarray(self.lattice, dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(f"coordinates and lattice must be numbers: {error}") from error
        if numbers.ndim != 1 or len(numbers) == 0:
            raise InputError("a crystal must have at least one atom")
        if frac.shape != (len(numbers), 3):
            raise InputError(
                f"{len(numbers)} atoms need {len(numbers)} rows of 3 fractional coordinates",
                value=frac.shape,
            )
        if lattice.shape != (3, 3):
            raise InputError("a lattice has three vectors of three numbers", value=lattice.shape)
        if not (np.abs(lattice) <= _LONGEST).all():
            raise InputError(
                f"a lattice must be finite, its vectors within {_LONGEST:g} angstrom",
                value=lattice.tolist(),
            )
        if not np.isfinite(frac).all():
            raise InputError("fractional coordinates must be finite")
        if not abs(_determinant(lattice.tolist())) > 1e-3:
            raise InputError("a cell must have a volume", value=lattice.tolist())
        if numbers.dtype.kind not in "iu" or numbers.min() < 1 or numbers.max() >= len(ELEMENTS):
            raise InputError("atomic numbers must be integers from 1 to 118", value=numbers)
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "frac", frac)
        object.__setattr__(self, "lattice", lattice)

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def cart(self) -> np.ndarray:
        """Cartesian coordinates in angstrom, shape (n, 3)."""
        return self.frac @ self.lattice

    @property
    def volume(self) -> float:
        """Cell volume in cubic angstrom."""
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def symbols(self) -> list[str]:
        """Element symbols, atom by atom."""
        return [ELEMENTS[z] for z in self.numbers]

    @property
    def composition(self) -> dict[str, int]:
        """Element symbol to the number of its atoms in the cell."""
        counts = np.bincount(self.numbers)
        return {ELEMENTS[z]: int(counts[z]) for z in np.flatnonzero(counts)}

    @cached_property
    def formula(self) -> str:
        """Reduced formula: equal for equal ratios of elements, whatever the cell."""
        return reduced_formula(self.composition)

    @property
    def parameters(self) -> tuple[float, float, float, float, float, float]:
        """Lattice lengths a, b, c in angstrom and angles alpha, beta, gamma in degrees."""
        a, b, c = lengths = np.linalg.norm(self.lattice, axis=1)
        unit = self.lattice / lengths[:, None]
        cosines = np.array([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]])
        alpha, beta, gamma = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        return float(a), float(b), float(c), float(alpha), float(beta), float(gamma)

    @classmethod
    def from_parameters(
        cls, parameters: Sequence[float], species: Sequence[str], frac: Any
    ) -> Crystal:
        """A crystal from lattice parameters, as the JSONL form has them.

        Parameters
        ----------
        parameters : six floats
            a, b, c in angstrom, alpha, beta, gamma in degrees. The vector a is laid along x,
            and b in the xy plane.
        species : sequence of str, length n
            Element symbols.
        frac : array_like of float, shape (n, 3)
            Fractional coordinates.
        """
        return cls.from_vectors(_vectors(parameters), species, frac)

    @classmethod
    def from_vectors(cls, lattice: Any, species: Sequence[str], frac: Any) -> Crystal:
        """A crystal from lattice vectors (rows, angstrom), element symbols and coordinates."""
        if isinstance(species, str) or not isinstance(species, Sequence | np.ndarray):
            raise InputError("species must be a list of element symbols", value=species)
        symbols = [symbol if isinstance(symbol, str) else "" for symbol in species]
        numbers = [ATOMIC_NUMBERS.get(symbol, 0) for symbol in symbols]
        if 0 in numbers:
            raise InputError(
                "a species must be an element symbol",
                value=species[numbers.index(0)],
                remedy="write the bare symbol, such as Fe, without charge or label",
            )
        return cls(np.array(numbers, dtype=np.uint8), frac, lattice)

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any]) -> Crystal:
        """A crystal from one object of the JSONL form (``lattice``, ``species``, ``frac``)."""
        missing = [name for name in ("lattice", "species", "frac") if name not in row]
        if missing:
            raise InputError(
                f"a crystal in JSON needs {', '.join(missing)}",
                value=list(row),
                remedy="give lattice [a,b,c,alpha,beta,gamma], species and frac",
            )
        return cls.from_parameters(row["lattice"], row["species"], row["frac"])

    @classmethod
    def from_structure(cls, structure: Any) -> Crystal:
        """A crystal from a pymatgen `Structure`; sites must be ordered."""
        for number, site in enumerate(structure, start=1):
            if not site.is_ordered:
                raise partial_occupancy(f"site {number} ({site.species_string})")
        return cls(
            np.array([site.specie.Z for site in structure], dtype=np.uint8),
            structure.frac_coords,
            structure.lattice.matrix,
        )

    def to_structure(self) -> Any:
        """The same crystal as a pymatgen `Structure`."""
        from pymatgen.core import Structure

        return Structure(self.lattice, self.symbols, self.frac)

    @classmethod
    def from_atoms(cls, atoms: Any) -> Crystal:
        """A crystal from ASE `Atoms`, which must be periodic in three directions."""
        if not all(atoms.pbc):
            raise InputError(
                "a crystal must be periodic in three directions",
                value=[bool(flag) for flag in atoms.pbc],
                remedy="set cell and pbc",
            )
        cell = np.array(atoms.cell)
        return cls(atoms.numbers, atoms.get_scaled_positions(wrap=False), cell)

    def to_atoms(self) -> Any:
        """The same crystal as ASE `Atoms`."""
        from ase import Atoms

        return Atoms(numbers=self.numbers, scaled_positions=self.frac, cell=self.lattice, pbc=True)


def partial_occupancy(site: str) -> InputError:
    """The error for a site that holds more than one species, or one at times."""
    return InputError(
        "every site must be occupied fully by one element",
        value=site,
        remedy="order the structure first, for instance with pymatgen's "
        "OrderDisorderedStructureTransformation, or take a model that reads partial occupancy",
    )


def _vectors(parameters: Sequence[float]) -> list[list[float]]:
    """Lattice vectors of six parameters, a along x and b in the xy plane."""
    try:
        a, b, c, alpha, beta, gamma = (float(value) for value in parameters)
    except (TypeError, ValueError) as error:
        raise InputError(
            "a lattice is [a, b, c, alpha, beta, gamma] in angstrom and degrees", value=parameters
        ) from error
    if not all(map(math.isfinite, (a, b, c, alpha, beta, gamma))):
        raise InputError("a lattice must be finite", value=list(parameters))
    cos_alpha, cos_beta, cos_gamma = (_cosine(angle) for angle in (alpha, beta, gamma))
    sin_gamma = math.sqrt(1 - cos_gamma**2)
    y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma if sin_gamma else math.nan
    z_squared = 1 - cos_beta**2 - y**2
    angles_open = all(0 < angle < 180 for angle in (alpha, beta, gamma))
    if min(a, b, c) <= 0 or not angles_open or not z_squared > 0:
        raise InputError(
            "lengths must be positive and the three angles must close a cell",
            value=list(parameters),
        )
    return [
        [a, 0.0, 0.0],
        [b * cos_gamma, b * sin_gamma, 0.0],
        [c * cos_beta, c * y, c * math.sqrt(z_squared)],
    ]


def _cosine(degrees: float) -> float:
    # 90 degrees must give an exact zero, or cubic cells would lose their ties.
    return 0.0 if degrees == 90.0 else math.cos(math.radians(degrees))


def _determinant(m: list[list[float]]) -> float:
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )
