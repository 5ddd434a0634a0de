"""Ions taken apart into groups of atoms: what group-contribution methods add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from leyden.data.molecules import read_molecule
from leyden.errors import InputError
from leyden.representations.molecular_volume import van_der_waals_volume

__all__ = ["GROUPS", "GroupCounts"]

#: Groups by name and SMARTS, in order of precedence: an atom belongs to the first that claims it.
#: Cores that carry the charge come first, then chains and functional groups, then single atoms.
GROUPS: tuple[tuple[str, str], ...] = (
    # cations: the ring or the atom that carries the charge
    ("imidazolium", "n1cncc1"),
    ("1,2,4-triazolium", "n1ncnc1"),
    ("1,2,3-triazolium", "n1nncc1"),
    ("tetrazolium", "n1nnnc1"),
    ("pyrazolium", "n1nccc1"),
    ("thiazolium", "[n+]1cscc1"),
    ("oxazolium", "[n+]1cocc1"),
    ("pyridinium", "[n+]1ccccc1"),
    ("pyrimidinium", "[n+]1[c,n][c,n][c,n][c,n]c1"),
    ("pyrrolidinium", "[NX4+]1[CX4][CX4][CX4][CX4]1"),
    ("morpholinium", "[NX4+]1[CX4][CX4]O[CX4][CX4]1"),
    ("piperidinium", "[NX4+]1[CX4][CX4][CX4][CX4][CX4]1"),
    ("azepanium", "[NX4+]1[CX4][CX4][CX4][CX4][CX4][CX4]1"),
    ("guanidinium", "[#7][#6](=[#7+])[#7]"),
    ("cyclopropenium", "[#6]1([#7])[#6]([#7])[#6]1[#7]"),
    ("amidinium", "[#7][#6]=[#7+]"),
    ("uronium", "[#7][#6](=[#7+])[O,S]"),
    ("phosphonium", "[PX4+]"),
    ("sulfonium", "[SX3+]"),
    ("ammonium", "[NX4H0+]"),
    ("ammonium NH", "[NX4H1+]"),
    ("ammonium NH2", "[NX4H2+]"),
    ("ammonium NH3", "[NX4H3+]"),
    # anions: what carries the charge, whole
    ("bis(sulfonyl)imide", "[N-](S(=O)=O)S(=O)=O"),
    ("tris(sulfonyl)methide", "[C-](S(=O)=O)(S(=O)=O)S(=O)=O"),
    ("sulfonyl cyanamide", "[N-](C#N)S(=O)=O"),
    ("dicyanamide", "[N-](C#N)C#N"),
    ("tricyanomethanide", "[C-](C#N)(C#N)C#N"),
    ("tetracyanoborate", "[B-](C#N)(C#N)(C#N)C#N"),
    ("tetrafluoroborate", "[B-](F)(F)(F)F"),
    ("trifluoroborate", "[B-](F)(F)F"),
    ("hexafluorophosphate", "[P-](F)(F)(F)(F)(F)F"),
    ("trifluorophosphate", "[P-](F)(F)F"),
    ("borate", "[B-](O)(O)(O)O"),
    ("thiocyanate", "[S-]C#N"),
    ("nitrate", "[O-][N+](=O)[O-]"),
    ("perchlorate", "Cl(=O)(=O)(=O)[O-]"),
    ("sulfate", "[O-]S(=O)(=O)O"),
    ("sulfonate", "[O-]S(=O)=O"),
    ("phosphate", "[O-]P(=O)(O)O"),
    ("phosphonate", "[O-]P(=O)O"),
    ("phosphinate", "[O-]P=O"),
    ("dithiophosphinate", "[S-]P=S"),
    ("carboxylate", "[O-]C=O"),
    ("phenolate", "[O-]c"),
    ("alkoxide", "[O-][CX4]"),
    ("azolate", "[n-]"),
    ("amide anion", "[N-]"),
    ("carbanion", "[C-]"),
    ("fluoride", "[F-]"),
    ("chloride", "[Cl-]"),
    ("bromide", "[Br-]"),
    ("iodide", "[I-]"),
    ("metal", "[!#1;!#3;!#5;!#6;!#7;!#8;!#9;!#14;!#15;!#16;!#17;!#34;!#35;!#53]"),
    # functional groups
    ("nitro", "[N+](=O)[O-]"),
    ("nitroso", "[NX2]=O"),
    ("sulfonyl", "S(=O)=O"),
    ("sulfoxide", "[SX3]=O"),
    ("carboxylic acid", "[CX3](=O)[OX2H1]"),
    ("ester", "[CX3](=O)[OX2H0]"),
    ("amide", "[CX3](=O)[NX3]"),
    ("carbonyl", "[CX3]=O"),
    ("cyano", "C#N"),
    ("trifluoromethyl", "C(F)(F)F"),
    ("difluoromethylene", "C(F)F"),
    ("hydroxyl", "[OX2H1][#6]"),
    # chains
    ("methyl on charge", "[CH3][$([n,N+,P+,S+])]"),
    ("methyl", "[CH3]"),
    ("methylene on charge", "[CX4H2;!R][$([n,N+,P+,S+])]"),
    ("methylene", "[CX4H2;!R]"),
    ("ring methylene", "[CX4H2;R]"),
    ("methine", "[CX4H1]"),
    ("quaternary carbon", "[CX4H0]"),
    ("vinyl carbon", "[CX3]"),
    ("alkynyl carbon", "[CX2]"),
    ("aromatic CH", "[cH]"),
    ("aromatic carbon", "c"),
    # single atoms
    ("ether", "[OX2]"),
    ("oxide", "[#8]"),
    ("amine NH2", "[NX3H2]"),
    ("amine NH", "[#7;H1]"),
    ("aromatic nitrogen", "n"),
    ("nitrogen", "[#7]"),
    ("thioether", "[#16]"),
    ("silicon", "[#14]"),
    ("phosphorus", "[#15]"),
    ("boron", "[#5]"),
    ("fluorine", "[#9]"),
    ("chlorine", "[#17]"),
    ("bromine", "[#35]"),
    ("iodine", "[#53]"),
    ("lithium", "[#3]"),
    ("selenium", "[#34]"),
)

# What decides where on a core the chains sit; counted besides, since every atom is taken.
_MARKS: tuple[tuple[str, str], ...] = (
    ("substituted C2 of imidazolium", "n1c([#6])ncc1"),
    ("NH of a ring", "[nH]"),
    ("branching", "[CX4]([#6])([#6])[#6]"),
)

# Of these groups only the first atom is taken; the others are its surroundings.
_FIRST_ATOM_ONLY = frozenset({"methyl on charge", "methylene on charge", "hydroxyl"})


@dataclass(frozen=True)
class GroupCounts:
    """Numbers of groups of a single ion, with its charge, molar mass and volume.

    Every heavy atom is counted in one group, the first of `GROUPS` that claims it; hydrogens go
    with their heavy atom. The last columns are what closed forms need beside the groups.
    """

    kind: ClassVar[str] = "group_counts"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        """Vectors of shape (k, d) of SMILES of single ions; `InputError` with `row`."""
        rows = np.zeros((len(items), len(self.names())))
        for row, smiles in enumerate(items):
            try:
                rows[row] = _vector(smiles)
            except InputError as error:
                raise error.at(row=row + 1) from error
        return rows

    def names(self) -> list[str]:
        """The groups, then ``charge`` (without sign), ``molar_mass_g_per_mol``, ``volume_A3``."""
        groups = [name for name, _ in (*GROUPS, *_MARKS)]
        return [*groups, "charge", "molar_mass_g_per_mol", "volume_A3"]


@lru_cache(maxsize=65536)
def _vector(smiles: str) -> tuple[float, ...]:
    from rdkit.Chem import AddHs, GetFormalCharge

    molecule = read_molecule(smiles)
    counts = []
    taken: set[int] = set()
    groups, marks = _compiled()
    for name, pattern in groups:
        found = 0
        for match in molecule.GetSubstructMatches(pattern, uniquify=True, maxMatches=10000):
            atoms = set(match[:1]) if name in _FIRST_ATOM_ONLY else set(match)
            if not atoms & taken:
                taken |= atoms
                found += 1
        counts.append(float(found))
    counts += [float(len(molecule.GetSubstructMatches(pattern))) for _, pattern in marks]
    mass = sum(atom.GetMass() for atom in AddHs(molecule).GetAtoms())
    charge = float(abs(GetFormalCharge(molecule)))
    return (*counts, charge, float(mass), van_der_waals_volume(molecule))


@lru_cache(maxsize=1)
def _compiled() -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    from rdkit.Chem import MolFromSmarts

    groups, marks = (
        [(name, MolFromSmarts(smarts)) for name, smarts in patterns]
        for patterns in (GROUPS, _MARKS)
    )
    return groups, marks
