"""Molecules as SMILES: read once, checked, canonical."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from leyden.errors import InputError

__all__ = ["canonical_form", "formal_charge", "inchi_key", "parse_smiles", "read_molecule"]


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

    Hydrogens stay where they are, so that tautomers keep their own. The form is that of the InChI
    with fixed hydrogens, read back; where the InChI cannot tell what was written (metals are taken
    apart, some carbanions and radicals are not read), it is the canonical SMILES as of
    `parse_smiles`.

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
        text = Chem.MolToInchi(molecule, options="/FixedH")
        form = Chem.MolFromInchi(text) if text else None
        same = (
            form is not None
            and _skeleton(form) == _skeleton(molecule)
            and Chem.MolToInchi(form, options="/FixedH") == text
        )
    return str(Chem.MolToSmiles(form if same else molecule))


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


def _skeleton(molecule: Any) -> tuple[int, int, int, int]:
    """What no resonance changes: heavy atoms, bonds, charge and unpaired electrons."""
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    radicals = Descriptors.NumRadicalElectrons(molecule)
    charge = Chem.GetFormalCharge(molecule)
    return molecule.GetNumAtoms(), molecule.GetNumBonds(), charge, radicals


@lru_cache(maxsize=65536)
def _molecule(text: str) -> tuple[str, int]:
    """Canonical SMILES and formal charge; kept, since ions recur in thousands of rows."""
    from rdkit import Chem

    molecule = read_molecule(text)
    return Chem.MolToSmiles(molecule), Chem.GetFormalCharge(molecule)
