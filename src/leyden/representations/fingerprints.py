"""Molecular fingerprints: which fragments a molecule has, hashed into a vector of fixed length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from leyden.data.ions import IonPair
from leyden.data.molecules import canonical_form, inchi_key, read_molecule
from leyden.errors import InputError, did_you_mean

__all__ = ["Fingerprint", "collisions"]

_ATOM_PAIR, _TORSION, _MORGAN = "atom_pair", "topological_torsion", "morgan"
_MACCS, _RDKIT = "maccs", "rdkit"
_PARTS = (_ATOM_PAIR, _TORSION, _MORGAN, _MACCS, _RDKIT)
_MACCS_SIZE = 167


@dataclass(frozen=True)
class Fingerprint:
    """Fingerprints of molecules and ions, one or several side by side.

    Each species is brought to one resonance form first (`canonical_form`), so that the two ways of
    writing an imidazolium ion have one fingerprint. The default is the published choice for
    transition temperatures of ionic liquid crystals (Yan et al.): atom pairs and topological
    torsions, as bits.

    Attributes
    ----------
    fragments : tuple of str, or str
        Of ``"atom_pair"`` (Carhart et al., J. Chem. Inf. Comput. Sci. 25, 64 (1985)),
        ``"topological_torsion"`` (Nilakantan et al., J. Chem. Inf. Comput. Sci. 27, 82 (1987)),
        ``"morgan"`` (Rogers & Hahn, J. Chem. Inf. Model. 50, 742 (2010): ECFP of twice the
        radius), ``"rdkit"`` (paths) and ``"maccs"`` (167 keys, always bits).
    counts : bool
        How often each fragment occurs, rather than whether it does. Bits of atom pairs and torsions
        tell one, two, four and eight occurrences apart.
    size : int
        Columns of each part but the MACCS keys.
    radius : int
        Of Morgan fingerprints, in bonds.
    pair : bool
        Vectors are of ion pairs: those of cation and anion, one after the other. A molecule then
        fills the first half, so that one network reads pairs and molecules. Otherwise a pair is
        read as its neutral salt, as if it were one molecule.

    Examples
    --------
    >>> Fingerprint().transform(["CCO", "OCC"]).shape
    (2, 4096)
    """

    kind: ClassVar[str] = "fingerprint"

    fragments: tuple[str, ...] | str = (_ATOM_PAIR, _TORSION)
    counts: bool = False
    size: int = 2048
    radius: int = 2
    pair: bool = False

    def __post_init__(self) -> None:
        given = self.fragments
        parts = (given,) if isinstance(given, str) else tuple(given)
        object.__setattr__(self, "fragments", parts)
        if not parts:
            raise InputError("a fingerprint has at least one part", remedy=f"take of {_PARTS}")
        for part in parts:
            if part not in _PARTS:
                raise InputError(
                    "a part must be a known fingerprint",
                    value=part,
                    remedy=did_you_mean(part, _PARTS),
                )
        if self.size < 8 or self.radius < 0:
            raise InputError(
                "a fingerprint has at least 8 columns, and no negative radius",
                value=(self.size, self.radius),
            )

    def transform(self, items: Sequence[str | IonPair]) -> np.ndarray:
        """Bits or counts, float32 of shape (n, d).

        Parameters
        ----------
        items : sequence of str or IonPair
            SMILES of molecules or single ions, or pairs of ions.

        Raises
        ------
        InputError
            An item that is neither, or whose SMILES cannot be read; with `row`.
        """
        width = sum(map(self._width, self.fragments))
        vectors = np.zeros((len(items), width * (2 if self.pair else 1)), dtype=np.float32)
        for row, (item, vector) in enumerate(zip(items, vectors, strict=True), start=1):
            try:
                for place, smiles in enumerate(self._species(item)):
                    columns, values = self._sparse(canonical_form(smiles))
                    vector[place * width + columns] = values
            except InputError as error:
                raise error.at(row=row) from error
        return vectors

    def names(self) -> list[str]:
        """A name a column."""
        single = [f"{part} {i}" for part in self.fragments for i in range(self._width(part))]
        return (
            [f"{ion} {n}" for ion in ("cation", "anion") for n in single] if self.pair else single
        )

    def _width(self, part: str) -> int:
        return _MACCS_SIZE if part == _MACCS else self.size

    def _species(self, item: Any) -> tuple[str, ...]:
        if isinstance(item, str):
            return (item,)
        if isinstance(item, IonPair):
            return (item.cation, item.anion) if self.pair else (item.smiles,)
        raise InputError(
            "a fingerprint is made of a SMILES or an ion pair",
            value=type(item).__name__,
            remedy="for pairs at a temperature take IonPairVectors(Fingerprint())",
        )

    def _sparse(self, smiles: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns that are not 0, and what they hold."""
        columns, values, start = [], [], 0
        for part in self.fragments:
            found, held = _fingerprint(smiles, part, self.counts, self.size, self.radius)
            columns.append(found + start)
            values.append(held)
            start += self._width(part)
        return np.concatenate(columns), np.concatenate(values)


def collisions(items: Sequence[str | IonPair], representation: Any) -> pd.DataFrame:
    """Different items that a representation cannot tell apart.

    Circular fingerprints are blind to the length of an alkyl chain, which is why Yan et al. gave
    them up for liquid crystals; and bits are shared by chance where there are few of them.

    Parameters
    ----------
    items : sequence of str or IonPair
        SMILES or pairs; the same species in another resonance form or order of atoms (an equal
        InChIKey) is no different item.
    representation : Representation
        Gives an array of shape (n, d).

    Returns
    -------
    DataFrame
        A row an item of each group of equals: ``group`` (from 0, in order of occurrence), ``row``
        (from 1, of the first occurrence) and ``item``. Empty where all can be told apart.
    """
    vectors = np.ascontiguousarray(representation.transform(items))
    groups: dict[bytes, dict[Any, int]] = {}
    for row, (item, vector) in enumerate(zip(items, vectors, strict=True), start=1):
        key = item.keys if isinstance(item, IonPair) else inchi_key(item)
        groups.setdefault(vector.tobytes(), {}).setdefault(key, row)
    equals = [list(group.values()) for group in groups.values() if len(group) > 1]
    rows = [(number, row, items[row - 1]) for number, group in enumerate(equals) for row in group]
    shown = [
        (number, row, item.smiles if isinstance(item, IonPair) else item)
        for number, row, item in rows
    ]
    return pd.DataFrame(shown, columns=["group", "row", "item"])


@lru_cache(maxsize=65536)
def _fingerprint(
    smiles: str, part: str, counts: bool, size: int, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """What is set in one fingerprint of a canonical SMILES; kept, since ions recur in many rows."""
    from rdkit.Chem import rdMolDescriptors

    molecule = read_molecule(smiles)
    if part == _MACCS:
        bits = rdMolDescriptors.GetMACCSKeysFingerprint(molecule)
    else:
        generator = _generator(part, size, radius)
        if counts:
            held = generator.GetCountFingerprint(molecule).GetNonzeroElements()
            return np.array(list(held), dtype=np.int64), np.array(list(held.values()), float)
        bits = generator.GetFingerprint(molecule)
    columns = np.array(bits.GetOnBits(), dtype=np.int64)
    return columns, np.ones(len(columns))


@lru_cache(maxsize=64)
def _generator(part: str, size: int, radius: int) -> Any:
    from rdkit.Chem import rdFingerprintGenerator as rdkit

    if part == _MORGAN:
        return rdkit.GetMorganGenerator(radius=radius, fpSize=size)
    make: dict[str, Any] = {
        _ATOM_PAIR: rdkit.GetAtomPairGenerator,
        _TORSION: rdkit.GetTopologicalTorsionGenerator,
        _RDKIT: rdkit.GetRDKitFPGenerator,
    }
    return make[part](fpSize=size)
