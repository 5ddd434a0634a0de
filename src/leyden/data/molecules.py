"""Molecules as SMILES: read once, checked, canonical."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from leyden.errors import InputError

__all__ = [
    "canonical_form",
    "formal_charge",
    "inchi_key",
    "is_metal_ion",
    "parse_smiles",
    "read_molecule",
    "scaffold",
    "with_hydrogens",
]

_METAL_WORDS = """
Li Na K Rb Cs Fr Be Mg Ca Sr Ba Ra Al Ga In Sn Tl Pb Bi Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Tc
Ru Rh Pd Ag Cd La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Th U
"""
_METALS = frozenset(_METAL_WORDS.split())


def parse_smiles(text: str) -> str:
    """The canonical SMILES of a molecule.

    Raises
    ------
    InputError
        Empty, or not a SMILES that RDKit can read (syntax or valence).

    Examples
    --------
    >>> parse_smiles("OCC")
    'CCO'
    """
    return _molecule(text)[0]


@lru_cache(maxsize=65536)
def canonical_form(smiles: str) -> str:
    """The canonical SMILES of one resonance form, the same for all in which a species is written.

    Hydrogens stay where they are, so that tautomers keep their own; but a proton that spoils an
    aromatic ring (``C1=CN=C[NH+]1C``, as catalogues of ions have it) is put where it does not. The
    form is that of the InChI with fixed hydrogens, read back; where the InChI cannot tell what was
    written (metals are taken apart, some carbanions and radicals are not read), it is the canonical
    SMILES as of `parse_smiles`.

    Raises
    ------
    InputError
        As of `parse_smiles`.

    Examples
    --------
    >>> canonical_form("CC[n+]1ccn(C)c1") == canonical_form("CCn1cc[n+](C)c1")
    True
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = read_molecule(smiles)
        if any(map(_is_ring_proton, molecule.GetAtoms())):
            moved = _through_inchi(molecule, "")
            if _aromatic_atoms(moved) > _aromatic_atoms(molecule):
                molecule = moved
        return str(Chem.MolToSmiles(_through_inchi(molecule, "/FixedH")))


def formal_charge(smiles: str) -> int:
    """Sum of the formal charges, in units of e; `InputError` as of `parse_smiles`."""
    return _molecule(smiles)[1]


@lru_cache(maxsize=65536)
def inchi_key(smiles: str) -> str:
    """The standard InChIKey, equal for the resonance forms in which one ion is written.

    Raises
    ------
    InputError
        As of `parse_smiles`; a species for which there is no InChI.

    Examples
    --------
    >>> inchi_key("CCn1cc[n+](C)c1") == inchi_key("CC[n+]1ccn(C)c1")
    True
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        key = Chem.MolToInchiKey(read_molecule(smiles))
    if not key:
        raise InputError("a species must have an InChI", value=smiles)
    return str(key)


@lru_cache(maxsize=65536)
def is_metal_ion(smiles: str) -> bool:
    """Whether the species is one bare atom of a metal; `InputError` as of `parse_smiles`.

    Examples
    --------
    >>> [is_metal_ion(text) for text in ("[Li+]", "[Cl-]", "Cl[Al-](Cl)(Cl)Cl")]
    [True, False, False]
    """
    molecule = read_molecule(smiles)
    return bool(molecule.GetNumAtoms() == 1 and molecule.GetAtomWithIdx(0).GetSymbol() in _METALS)


@lru_cache(maxsize=65536)
def scaffold(smiles: str) -> str:
    """The rings of a molecule and what links them (Bemis & Murcko, J. Med. Chem. 39, 2887 (1996)).

    Homologues, which differ by the length of a chain, share it. A molecule without rings has none:
    an empty text.

    Raises
    ------
    InputError
        As of `parse_smiles`.

    Examples
    --------
    >>> scaffold("CCCCCc1ccc(-c2ccc(C#N)cc2)cc1"), scaffold("CCCC")
    ('c1ccc(-c2ccccc2)cc1', '')
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return str(MurckoScaffold.MurckoScaffoldSmiles(mol=read_molecule(smiles)))


@lru_cache(maxsize=65536)
def with_hydrogens(smiles: str) -> str:
    """The SMILES, its charged atoms given the hydrogens that a careless hand left out.

    In brackets a SMILES has the hydrogens that are written: ``[N+]`` for ``[NH3+]`` is read as
    a radical. Neutral radicals, such as nitroxides, stay.

    Examples
    --------
    >>> with_hydrogens("CC[N+]"), with_hydrogens("C[NH3+]")
    ('CC[NH3+]', 'C[NH3+]')
    """
    from rdkit import Chem

    molecule = read_molecule(smiles)
    open_atoms = [
        atom
        for atom in molecule.GetAtoms()
        if atom.GetFormalCharge() and atom.GetNumRadicalElectrons()
    ]
    for atom in open_atoms:
        atom.SetNumExplicitHs(atom.GetNumExplicitHs() + atom.GetNumRadicalElectrons())
        atom.SetNumRadicalElectrons(0)
    return str(Chem.MolToSmiles(molecule)) if open_atoms else smiles


def read_molecule(text: str) -> Any:
    """The RDKit molecule of a SMILES; `InputError` as of `parse_smiles`."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text) if isinstance(text, str) and text.strip() else None
    if molecule is None:
        raise InputError(
            "a SMILES must be readable, with allowed valences",
            value=text,
            remedy="check brackets, ring numbers and charges",
        )
    return molecule


def _through_inchi(molecule: Any, options: str) -> Any:
    """What an InChI gives back; the molecule itself where that is not the same species."""
    from rdkit import Chem

    text = Chem.MolToInchi(molecule, options=options)
    form = Chem.MolFromInchi(text) if text else None
    if form is None or _skeleton(form) != _skeleton(molecule):
        return molecule
    return form if Chem.MolToInchi(form, options=options) == text else molecule


def _skeleton(molecule: Any) -> tuple[int, int, int, int]:
    """What no resonance changes: heavy atoms, bonds, charge and unpaired electrons."""
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    radicals = Descriptors.NumRadicalElectrons(molecule)
    charge = Chem.GetFormalCharge(molecule)
    return molecule.GetNumAtoms(), molecule.GetNumBonds(), charge, radicals


def _is_ring_proton(atom: Any) -> bool:
    charged = atom.GetFormalCharge() > 0 and atom.GetTotalNumHs() > 0
    return charged and atom.IsInRing() and not atom.GetIsAromatic()


def _aromatic_atoms(molecule: Any) -> int:
    return sum(atom.GetIsAromatic() for atom in molecule.GetAtoms())


@lru_cache(maxsize=65536)
def _molecule(text: str) -> tuple[str, int]:
    """Canonical SMILES and formal charge; kept, since ions recur in thousands of rows."""
    from rdkit import Chem

    molecule = read_molecule(text)
    return Chem.MolToSmiles(molecule), Chem.GetFormalCharge(molecule)
