"""Shapes of single ions: a conformer, and the volume inside its van der Waals surface."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from leyden.data.molecules import read_molecule
from leyden.errors import InputError

__all__ = ["conformer", "molar_mass_g_per_mol", "van_der_waals_volume_A3"]


def conformer(smiles: str, random_state: int = 0) -> Any:
    """The molecule with its hydrogens and one set of coordinates.

    Distance geometry with torsion knowledge (ETKDG), relaxed by the MMFF94 force field where it has
    parameters. It is one shape of many: energies of flexible ions differ by some kcal/mol between
    seeds, surfaces and volumes by one or two per cent.

    Parameters
    ----------
    smiles : str
    random_state : int
        Seed of the distance geometry.

    Returns
    -------
    rdkit.Chem.Mol

    Raises
    ------
    InputError
        A SMILES that cannot be read, or a molecule that cannot be laid out in space.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdDistGeom import EmbedMolecule, ETKDGv3
    from rdkit.Chem.rdForceFieldHelpers import MMFFHasAllMoleculeParams, MMFFOptimizeMolecule

    with rdBase.BlockLogs():
        molecule = Chem.AddHs(read_molecule(smiles))
        settings: Any = ETKDGv3()
        settings.randomSeed = random_state
        if EmbedMolecule(molecule, settings) != 0:
            settings.useRandomCoords = True
            if EmbedMolecule(molecule, settings) != 0:
                raise InputError("a molecule must have a shape in space", value=smiles)
        if MMFFHasAllMoleculeParams(molecule):
            MMFFOptimizeMolecule(molecule, maxIters=500)
    return molecule


@lru_cache(maxsize=65536)
def van_der_waals_volume_A3(smiles: str, random_state: int = 0) -> float:
    """Volume inside the van der Waals surface of the `conformer`, A^3.

    By the double cubic lattice method (F. Eisenhaber et al., J. Comput. Chem. 16, 273 (1995)), with
    the radii of RDKit. Raises as `conformer`.
    """
    from rdkit.Chem import rdMolDescriptors

    molecule = conformer(smiles, random_state)  # the lattice does not keep it alive
    lattice: Any = rdMolDescriptors.DoubleCubicLatticeVolume(molecule)
    return float(lattice.GetVDWVolume())


@lru_cache(maxsize=65536)
def molar_mass_g_per_mol(smiles: str) -> float:
    """Molar mass, g/mol; `InputError` where the SMILES cannot be read."""
    from rdkit.Chem import AddHs

    return float(sum(atom.GetMass() for atom in AddHs(read_molecule(smiles)).GetAtoms()))
