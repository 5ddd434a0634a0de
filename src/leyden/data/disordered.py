"""Crystals whose sites are shared or partly empty, as diffraction finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leyden.data.crystal import Crystal, partial_occupancy
from leyden.data.crystal_files import (
    MINIMUM_DISTANCE_A,
    MOST,
    crystal_from_block,
    find_symmetry,
    full_sites,
    one_cif_block,
)
from leyden.data.formulas import ATOMIC_NUMBERS, parse_composition, reduced_formula
from leyden.errors import InputError, did_you_mean

__all__ = ["DisorderedCrystal", "any_crystal_from_block", "check_crowding", "disordered_from_cif"]

_FULL = 0.999  # a site from here on is never empty
_CROWDED = 1.2  # the same for two sites that one atom fills in turn
_SAME_SITE = 0.02  # angstrom; above the rounding of coordinates, below any split site at hand
_BLOCK = 256  # sites whose distances to all others are held at a time
_LARGEST_FACTOR = 60  # of the amounts of a formula, all of which it makes whole
_SMALL_FACTOR = 12  # of those that stay fractions
_WHOLE = 2e-3  # an amount, relative, this near to an integer is one


@dataclass(frozen=True, eq=False)
class DisorderedCrystal:
    """A periodic crystal of sites, each with the probabilities of the elements that it may hold.

    Sites that coincide are made one, with the occupancies of both: a CIF writes a mixed site as
    several rows.

    Attributes
    ----------
    lattice : ndarray of float, shape (3, 3)
        Rows are the lattice vectors a, b, c in angstrom.
    frac : ndarray of float, shape (n, 3)
        Fractional coordinates.
    species : tuple of n mappings of str to float
        Element symbol to occupancy, above 0 and at most 1; what is missing to a sum of 1 is
        vacant.  Sums up to 1.05, which refinements give, are scaled to 1.

    Raises
    ------
    InputError
        No sites, arrays that do not fit, a cell without volume, an unknown element, an occupancy
        beyond its range, a site that holds more than one atom.

    Examples
    --------
    >>> half = DisorderedCrystal(4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]],
    ...                          ({"Li": 0.5, "Na": 0.25}, {"Cl": 1.0}))
    >>> half.formula, half.occupancies.tolist()
    ('NaLi2Cl4', [0.75, 1.0])
    """

    lattice: np.ndarray
    frac: np.ndarray
    species: tuple[Mapping[str, float], ...]

    def __post_init__(self) -> None:
        species = [dict(site) for site in self.species]
        # lattice and coordinates are judged as those of an ordered crystal
        frame = Crystal(np.ones(len(species), dtype=int), self.frac, self.lattice)
        for number, site in enumerate(species, start=1):
            _check_site(site, number)
        frac, merged = _merged(frame.frac, frame.lattice, species)
        for site, rows in merged:
            total = sum(site.values())
            if total > MOST:
                raise InputError(
                    "a site must hold at most one atom",
                    value=f"{_named(site, rows)}, {total:.2f} in all",
                    remedy="correct the occupancies",
                )
        full = [max(sum(site.values()), 1.0) for site, _ in merged]
        object.__setattr__(self, "lattice", frame.lattice)
        object.__setattr__(self, "frac", frac)
        object.__setattr__(
            self,
            "species",
            tuple(
                {symbol: amount / total for symbol, amount in sorted(site.items())}
                for (site, _), total in zip(merged, full, strict=True)
            ),
        )

    def __len__(self) -> int:
        return len(self.species)

    @cached_property
    def cart(self) -> np.ndarray:
        """Cartesian coordinates in angstrom, shape (n, 3)."""
        return self.frac @ self.lattice

    @property
    def volume(self) -> float:
        """Cell volume in cubic angstrom."""
        return float(abs(np.linalg.det(self.lattice)))

    @cached_property
    def occupancies(self) -> np.ndarray:
        """Probability that a site holds an atom, shape (n,)."""
        return np.array([sum(site.values()) for site in self.species])

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements by atomic number."""
        found = {symbol for site in self.species for symbol in site}
        return tuple(sorted(found, key=ATOMIC_NUMBERS.__getitem__))

    def amounts(self, elements: Sequence[str]) -> np.ndarray:
        """Occupancy of each site by each of these elements, shape (n, number of elements)."""
        return np.array([[site.get(symbol, 0.0) for symbol in elements] for site in self.species])

    @property
    def composition(self) -> dict[str, float]:
        """Element symbol to the mean number of its atoms in the cell."""
        totals = self.amounts(self.elements).sum(axis=0)
        return dict(zip(self.elements, totals.tolist(), strict=True))

    @cached_property
    def formula(self) -> str:
        """Formula whose amounts are whole where a factor of at most 60 makes them so.

        Other amounts have three decimals, as in ``"Li0.407Ti0.598Al0.068PO4"``. The same for
        every cell of a crystal.
        """
        composition = self.composition
        most = max(composition.values())
        ratios = np.array([amount / most for amount in composition.values()])
        factors = np.arange(1, _LARGEST_FACTOR + 1)[:, None] * ratios
        rest = np.abs(factors - np.round(factors))
        exact = (rest < _WHOLE * np.maximum(factors, 1)).all(axis=1)
        if exact.any():
            counts = np.round(factors[exact.argmax()]).astype(int).tolist()
            return reduced_formula(dict(zip(composition, counts, strict=True)))
        # the least factor that makes the most amounts whole: those of the full sites
        best = (rest[:_SMALL_FACTOR] < _WHOLE).sum(axis=1).argmax()
        scaled = dict(zip(composition, factors[best].tolist(), strict=True))
        spelling = parse_composition(reduced_formula(dict.fromkeys(composition, 1)))
        texts = {symbol: f"{scaled[symbol]:.3f}".rstrip("0").rstrip(".") for symbol in spelling}
        return "".join(symbol + ("" if text == "1" else text) for symbol, text in texts.items())

    @classmethod
    def from_crystal(cls, crystal: Crystal) -> DisorderedCrystal:
        """An ordered crystal in this form."""
        species = tuple({symbol: 1.0} for symbol in crystal.symbols)
        return cls(crystal.lattice, crystal.frac, species)

    @classmethod
    def from_structure(cls, structure: Any) -> DisorderedCrystal:
        """A crystal from a pymatgen `Structure`, ordered or not; charges are left out."""
        species = []
        for site in structure:
            held: dict[str, float] = {}
            for specie, amount in site.species.items():
                symbol = getattr(specie, "symbol", str(specie))
                held[symbol] = held.get(symbol, 0.0) + float(amount)
            species.append(held)
        return cls(structure.lattice.matrix, structure.frac_coords, tuple(species))

    def to_crystal(self) -> Crystal:
        """The same crystal in the ordered form.

        Raises
        ------
        InputError
            A site is shared or partly empty; names it.
        """
        for number, site in enumerate(self.species):
            if len(site) > 1 or min(site.values()) < _FULL:
                raise partial_occupancy(_named(site, [number]))
        return Crystal.from_vectors(
            self.lattice, [next(iter(site)) for site in self.species], self.frac
        )

    def to_structure(self) -> Any:
        """The same crystal as a pymatgen `Structure`."""
        from pymatgen.core import Structure

        return Structure(self.lattice, [dict(site) for site in self.species], self.frac)


def disordered_from_cif(text: str) -> DisorderedCrystal:
    """The one crystal of a CIF, whose sites may be shared or partly empty.

    Symmetry is found as by `leyden.data.crystal_files.crystal_from_cif`. Images of a row that
    coincide are one site; images that are merely near, as of an atom beside a special position,
    stay apart. Charges (``Li1+``) are left out, rows of occupancy 0 too.

    Raises
    ------
    InputError
        Not a CIF, no or several crystals, an unknown element or space group, a coordinate that is
        missing, occupancies that no crystal can have; names the site.
    """
    return _from_block(one_cif_block(text))


def any_crystal_from_block(block: Any) -> Crystal | DisorderedCrystal:
    """The crystal of a gemmi block, in the ordered form where every site is full."""
    return crystal_from_block(block) if full_sites(block) else _from_block(block)


def _from_block(block: Any) -> DisorderedCrystal:
    import gemmi

    small = gemmi.make_small_structure_from_block(block)
    present = []
    for number, site in enumerate(small.sites, start=1):
        label = f"site {number} ({site.label})"
        if site.element.atomic_number == 0:
            raise InputError("a site must name an element", value=label)
        if not 0 <= site.occ <= MOST:
            raise InputError(
                "an occupancy must lie between 0 and 1",
                value=f"{label}, occupancy {site.occ:g}",
                remedy="correct the occupancy",
            )
        if not np.isfinite(site.fract.tolist()).all():
            raise InputError("a site must have three coordinates", value=label)
        if site.occ > 0:
            present.append(site)
    if not present:
        raise InputError("a crystal must have at least one atom")
    cell = small.cell
    parameters = (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
    lattice = Crystal.from_parameters(parameters, ["H"], [[0, 0, 0]]).lattice
    find_symmetry(small)
    turns = np.array([np.eye(3), *(image.mat.tolist() for image in small.cell.images)])
    shifts = np.array([np.zeros(3), *(image.vec.tolist() for image in small.cell.images)])
    places, species = [], []
    for site in present:
        images = _distinct(turns @ np.array(site.fract.tolist()) + shifts, lattice)
        symbol = "H" if site.element.atomic_number == 1 else site.element.name  # deuterium too
        places.append(images)
        species += [{symbol: site.occ}] * len(images)
    crystal = DisorderedCrystal(lattice, np.concatenate(places), tuple(species))
    check_crowding(crystal)
    return crystal


def _check_site(site: Mapping[str, float], number: int) -> None:
    if not site:
        raise InputError("a site must hold an element", value=f"site {number}")
    for symbol, occupancy in site.items():
        if symbol not in ATOMIC_NUMBERS:
            raise InputError(
                "a species must be an element symbol",
                value=f"{symbol} on site {number}",
                remedy=did_you_mean(str(symbol), ATOMIC_NUMBERS, "write the bare symbol"),
            )
        if not 0 < occupancy <= MOST:
            raise InputError(
                "an occupancy must be above 0 and at most 1",
                value=f"{symbol} {occupancy:g} on site {number}",
                remedy="leave vacancies out, or correct the occupancy",
            )


def _near_pairs(
    frac: np.ndarray, lattice: np.ndarray, within: float
) -> list[tuple[int, int, float]]:
    """Pairs i < j of sites nearer than `within`, which is short against the cell."""
    pairs = []
    for start in range(0, len(frac), _BLOCK):
        difference = frac[start : start + _BLOCK, None] - frac[None]
        difference -= np.round(difference)
        vectors = difference @ lattice
        squared = np.einsum("ijk,ijk->ij", vectors, vectors)
        for i, j in np.argwhere(squared < within**2):
            if start + i < j:
                pairs.append((int(start + i), int(j), float(np.sqrt(squared[i, j]))))
    return pairs


def _merged(
    frac: np.ndarray, lattice: np.ndarray, species: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, list[tuple[dict[str, float], list[int]]]]:
    """Places of the distinct sites, what they hold, and the rows that they were made of."""
    first = np.arange(len(frac))
    for i, j, _ in _near_pairs(frac, lattice, _SAME_SITE):
        first[j] = min(first[j], first[i])
    kept, places = [], []
    for root in np.unique(first):
        rows = np.flatnonzero(first == root).tolist()
        held: dict[str, float] = {}
        for row in rows:
            for symbol, occupancy in species[row].items():
                held[symbol] = held.get(symbol, 0.0) + float(occupancy)
        apart = frac[rows] - frac[root]
        places.append(frac[root] + (apart - np.round(apart)).mean(axis=0))
        kept.append((held, rows))
    return np.array(places), kept


def _distinct(images: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """Images of one row in the cell, each place once."""
    images = images - np.floor(images)
    again = {j for _, j, _ in _near_pairs(images, lattice, _SAME_SITE)}
    return images[[i for i in range(len(images)) if i not in again]]


def check_crowding(crystal: DisorderedCrystal) -> None:
    """Raise `InputError` where atoms would overlap: the occupancies of a split site are wrong."""
    occupancies = crystal.occupancies
    for i, j, distance in _near_pairs(crystal.frac, crystal.lattice, MINIMUM_DISTANCE_A):
        total = occupancies[i] + occupancies[j]
        if total > _CROWDED:
            raise InputError(
                f"sites less than {MINIMUM_DISTANCE_A} angstrom apart hold one atom in turn",
                value=f"{_named(crystal.species[i], [i])} and {_named(crystal.species[j], [j])}, "
                f"{total:.2f} in all, {distance:.2f} angstrom apart",
                remedy="correct the occupancies",
            )


def _named(site: Mapping[str, float], rows: Sequence[int]) -> str:
    """A site as people know it: its numbers and what it holds."""
    held = " + ".join(f"{symbol} {amount:g}" for symbol, amount in site.items())
    return f"site {'/'.join(str(row + 1) for row in rows)} ({held})"
