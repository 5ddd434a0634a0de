"""Volume of a molecule or ion from its atoms and bonds alone."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["van_der_waals_volume"]

# Zhao, Abraham & Zissimos, J. Org. Chem. 68, 7368 (2003): angstrom^3 an atom.
_ATOMS = {
    "H": 7.24,
    "B": 40.48,
    "C": 20.58,
    "N": 15.60,
    "O": 14.71,
    "F": 13.31,
    "Si": 38.79,
    "P": 24.43,
    "S": 24.43,
    "Cl": 22.45,
    "As": 26.52,
    "Se": 28.73,
    "Br": 26.52,
    "Te": 36.62,
    "I": 32.52,
}
_BOND, _AROMATIC_RING, _OTHER_RING = 5.92, 14.7, 3.8


def van_der_waals_volume(molecule: Any) -> float:
    """The van der Waals volume by atomic and bond contributions, in cubic angstrom.

    Zhao, Abraham & Zissimos, J. Org. Chem. 68, 7368 (2003), equation 4: the volumes of the atoms,
    less 5.92 a bond, 14.7 an aromatic ring and 3.8 any other ring. An element that they do not list
    has the volume of a sphere with its van der Waals radius, which is what theirs are.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        Its hydrogens may be implicit.
    """
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    table = Chem.GetPeriodicTable()
    hydrogens = sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
    volume = hydrogens * (_ATOMS["H"] - _BOND) - molecule.GetNumBonds() * _BOND
    for atom in molecule.GetAtoms():
        sphere = 4 / 3 * math.pi * table.GetRvdw(atom.GetAtomicNum()) ** 3
        volume += _ATOMS.get(atom.GetSymbol(), sphere)
    aromatic = rdMolDescriptors.CalcNumAromaticRings(molecule)
    rings = rdMolDescriptors.CalcNumRings(molecule)
    return volume - _AROMATIC_RING * aromatic - _OTHER_RING * (rings - aromatic)
