"""Descriptors of molecules and single ions: RDKit's, and counts of what makes an ion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from leyden.data.molecules import canonical_form, read_molecule
from leyden.errors import InputError
from leyden.representations.molecular_volume import van_der_waals_volume

__all__ = ["MoleculeDescriptors"]

# Named one by one, so that the columns do not change with RDKit. Left out of RDKit's list: BCUT2D
# (not defined for single atoms and many elements), qed (of drugs), Ipc (up to 1e15; its logarithm
# is below), Kappa3 (singular for small ions: 966,414 for PF6-), radicals and unassigned centres.
_RDKIT = """
MaxAbsEStateIndex MaxEStateIndex MinAbsEStateIndex MinEStateIndex SPS MolWt HeavyAtomMolWt
NumValenceElectrons MaxPartialCharge MinPartialCharge MaxAbsPartialCharge MinAbsPartialCharge
FpDensityMorgan1 FpDensityMorgan2 FpDensityMorgan3 AvgIpc BalabanJ BertzCT Chi0 Chi0n Chi0v Chi1
Chi1n Chi1v Chi2n Chi2v Chi3n Chi3v Chi4n Chi4v HallKierAlpha Kappa1 Kappa2 LabuteASA
PEOE_VSA1 PEOE_VSA2 PEOE_VSA3 PEOE_VSA4 PEOE_VSA5 PEOE_VSA6 PEOE_VSA7 PEOE_VSA8 PEOE_VSA9
PEOE_VSA10 PEOE_VSA11 PEOE_VSA12 PEOE_VSA13 PEOE_VSA14 SMR_VSA1 SMR_VSA2 SMR_VSA3 SMR_VSA4 SMR_VSA5
SMR_VSA6 SMR_VSA7 SMR_VSA8 SMR_VSA9 SMR_VSA10 SlogP_VSA1 SlogP_VSA2 SlogP_VSA3 SlogP_VSA4
SlogP_VSA5 SlogP_VSA6 SlogP_VSA7 SlogP_VSA8 SlogP_VSA9 SlogP_VSA10 SlogP_VSA11 SlogP_VSA12 TPSA
EState_VSA1 EState_VSA2 EState_VSA3 EState_VSA4 EState_VSA5 EState_VSA6 EState_VSA7 EState_VSA8
EState_VSA9 EState_VSA10 EState_VSA11 VSA_EState1 VSA_EState2 VSA_EState3 VSA_EState4 VSA_EState5
VSA_EState6 VSA_EState7 VSA_EState8 VSA_EState9 VSA_EState10 FractionCSP3 HeavyAtomCount NHOHCount
NOCount NumAliphaticCarbocycles NumAliphaticHeterocycles NumAliphaticRings NumAmideBonds
NumAromaticCarbocycles NumAromaticHeterocycles NumAromaticRings NumAtomStereoCenters
NumBridgeheadAtoms NumHAcceptors NumHDonors NumHeteroatoms NumHeterocycles NumRotatableBonds
NumSaturatedCarbocycles NumSaturatedHeterocycles NumSaturatedRings NumSpiroAtoms Phi RingCount
MolLogP MolMR fr_Al_COO fr_Al_OH fr_Al_OH_noTert fr_ArN fr_Ar_COO fr_Ar_N fr_Ar_NH fr_Ar_OH fr_COO
fr_COO2 fr_C_O fr_C_O_noCOO fr_C_S fr_HOCCN fr_Imine fr_NH0 fr_NH1 fr_NH2 fr_N_O fr_Ndealkylation1
fr_Ndealkylation2 fr_Nhpyrrole fr_SH fr_aldehyde fr_alkyl_carbamate fr_alkyl_halide fr_allylic_oxid
fr_amide fr_amidine fr_aniline fr_aryl_methyl fr_azide fr_azo fr_barbitur fr_benzene
fr_benzodiazepine fr_bicyclic fr_diazo fr_dihydropyridine fr_epoxide fr_ester fr_ether fr_furan
fr_guanido fr_halogen fr_hdrzine fr_hdrzone fr_imidazole fr_imide fr_isocyan fr_isothiocyan
fr_ketone fr_ketone_Topliss fr_lactam fr_lactone fr_methoxy fr_morpholine fr_nitrile fr_nitro
fr_nitro_arom fr_nitro_arom_nonortho fr_nitroso fr_oxazole fr_oxime fr_para_hydroxylation fr_phenol
fr_phenol_noOrthoHbond fr_phos_acid fr_phos_ester fr_piperdine fr_piperzine fr_priamide
fr_prisulfonamd fr_pyridine fr_quatN fr_sulfide fr_sulfonamd fr_sulfone fr_term_acetylene
fr_tetrazole fr_thiazole fr_thiocyan fr_thiophene fr_unbrch_alkane fr_urea
""".split()  # noqa: SIM905

_ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I")

# Heads of cations and anions of ionic liquids, whichever resonance form `canonical_form` takes.
_GROUPS = {
    "imidazolium": "c1[n+]ccn1",
    "pyrazolium": "[n+]1nccc1",
    "pyridinium": "[n+]1ccccc1",
    "quaternary_ammonium": "[NX4+;H0]",
    "protonated_nitrogen": "[#7+;!H0]",
    "pyrrolidinium": "[NX4+]1[CX4][CX4][CX4][CX4]1",
    "piperidinium": "[NX4+]1[CX4][CX4][CX4][CX4][CX4]1",
    "morpholinium": "[NX4+]1[CX4][CX4]O[CX4][CX4]1",
    "guanidinium": "[CX3;!a](~[#7])(~[#7])~[#7+]",
    "phosphonium": "[PX4+]",
    "sulfonium": "[SX3+]",
    "sulfonylimide": "S(=O)(=O)[N-]S(=O)=O",
    "fluorinated_carbon": "[#6]F",
    "trifluoromethyl": "C(F)(F)F",
    "carboxylate": "[CX3](=O)[O-]",
    "sulfonate": "[#6]S(=O)(=O)[O-]",
    "sulfate": "O[SX4](=O)(=O)[O-]",
    "phosphate": "[PX4](~O)(~O)~O",
    "borate": "[BX4-]",
    "fluorophosphate": "[P-]F",
    "cyano": "C#N",
    "methyl": "[CH3]",
    "methylene_outside_rings": "[CH2;R0]",
}

_OWN = (
    "log1p_Ipc",
    "formal_charge",
    "positive_atoms",
    "negative_atoms",
    "charge_per_heavy_atom",
    "van_der_waals_volume_A3",
    "longest_alkyl_chain",
    *(f"atoms_{element}" for element in _ELEMENTS),
    "atoms_other",
    *(f"groups_{group}" for group in _GROUPS),
)


@dataclass(frozen=True)
class MoleculeDescriptors:
    """Descriptors of molecules and single ions.

    Columns are RDKit's two-dimensional descriptors and its counts of functional groups; the
    logarithm of the information content Ipc; formal charge, volume (`van_der_waals_volume`), atoms
    of each element, groups that make ionic liquids; and the longest alkyl chain, in carbon atoms.
    Each species is brought to one resonance form first (`canonical_form`).

    A number that RDKit cannot give of a species (partial charges of some elements) is 0.

    Attributes
    ----------
    version : int
        Of the list of columns: 1.
    """

    kind: ClassVar[str] = "molecule_descriptors"

    version: int = 1

    def __post_init__(self) -> None:
        if self.version != 1:
            raise InputError(
                "this Leyden knows version 1 of the descriptors",
                value=self.version,
                remedy="update Leyden",
            )

    def transform(self, items: Sequence[str]) -> np.ndarray:
        """Descriptors of SMILES, float64 of shape (n, d), all finite.

        Raises
        ------
        InputError
            An item that is no SMILES, or that cannot be read; with `row`.
        """
        rows = []
        for row, item in enumerate(items, start=1):
            try:
                if not isinstance(item, str):
                    raise InputError(
                        "descriptors are made of a SMILES",
                        value=type(item).__name__,
                        remedy="for pairs of ions take IonPairVectors(MoleculeDescriptors())",
                    )
                rows.append(_descriptors(canonical_form(item)))
            except InputError as error:
                raise error.at(row=row) from error
        return np.array(rows, dtype=float).reshape(len(rows), len(_RDKIT) + len(_OWN))

    def names(self) -> list[str]:
        """A name a column: RDKit's own, then ours."""
        return [*_RDKIT, *_OWN]


@lru_cache(maxsize=65536)
def _descriptors(smiles: str) -> np.ndarray:
    """One row; kept, since ions recur in many rows."""
    from rdkit import rdBase
    from rdkit.Chem import Descriptors

    molecule = read_molecule(smiles)
    with rdBase.BlockLogs():
        known = [getattr(Descriptors, name)(molecule) for name in _RDKIT]
        complexity = Descriptors.Ipc(molecule)
    atoms = list(molecule.GetAtoms())
    charges = [atom.GetFormalCharge() for atom in atoms]
    elements = [atom.GetSymbol() for atom in atoms]
    hydrogens = sum(atom.GetTotalNumHs() for atom in atoms)
    counted = {element: elements.count(element) for element in _ELEMENTS}
    counted["H"] += hydrogens
    own = [
        math.log1p(max(complexity, 0.0)),
        sum(charges),
        sum(charge > 0 for charge in charges),
        sum(charge < 0 for charge in charges),
        sum(charges) / max(molecule.GetNumHeavyAtoms(), 1),
        van_der_waals_volume(molecule),
        _longest_alkyl_chain(molecule),
        *counted.values(),
        len(elements) + hydrogens - sum(counted.values()),
        *(len(molecule.GetSubstructMatches(pattern)) for pattern in _patterns()),
    ]
    row = np.array([*known, *own], dtype=float)
    return np.nan_to_num(row, nan=0.0, posinf=0.0, neginf=0.0)


def _longest_alkyl_chain(molecule: Any) -> int:
    """Carbon atoms of the longest run of CH3 and CH2 outside rings."""
    chain = {
        atom.GetIdx(): [neighbour.GetIdx() for neighbour in atom.GetNeighbors()]
        for atom in molecule.GetAtoms()
        if atom.GetSymbol() == "C" and atom.GetTotalNumHs() in (2, 3) and not atom.IsInRing()
        if atom.GetHybridization().name == "SP3"
    }
    longest, seen = 0, set[int]()
    for start in chain:
        run, open_ = 0, [start]
        while open_:  # with two hydrogens or more, an atom has two neighbours at most: no branches
            atom = open_.pop()
            if atom in chain and atom not in seen:
                seen.add(atom)
                run += 1
                open_ += chain[atom]
        longest = max(longest, run)
    return longest


@lru_cache(maxsize=1)
def _patterns() -> tuple[Any, ...]:
    from rdkit import Chem

    return tuple(Chem.MolFromSmarts(pattern) for pattern in _GROUPS.values())
