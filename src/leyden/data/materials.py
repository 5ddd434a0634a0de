"""What users of the field hold, and how it becomes an item: parsing and checks at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from leyden.data.crystal import Crystal
from leyden.data.formulas import ELEMENTS, parse_composition, parse_formula
from leyden.errors import InputError

__all__ = [
    "ELEMENTS",
    "Crystal",
    "IonPair",
    "parse_composition",
    "parse_formula",
    "parse_smiles",
]


@dataclass(frozen=True, order=True)
class IonPair:
    """A cation and an anion that make a neutral salt.

    Attributes
    ----------
    cation, anion : str
        SMILES of one ion each, or of several joined by dots.

    Raises
    ------
    InputError
        A SMILES that cannot be read, an ion without charge of its sign, or a pair that no ratio
        of 1:1 makes neutral.

    Examples
    --------
    >>> IonPair("CC[n+]1ccn(C)c1", "N#C[N-]C#N").smiles
    'CC[n+]1ccn(C)c1.N#C[N-]C#N'
    """

    cation: str
    anion: str

    def __post_init__(self) -> None:
        plus, minus = _charge(self.cation), _charge(self.anion)
        remedy = "write the formal charges in the SMILES, such as [Cl-]"
        if plus <= 0:
            raise InputError(
                "a cation must carry positive charge", value=self.cation, remedy=remedy
            )
        if minus >= 0:
            raise InputError("an anion must carry negative charge", value=self.anion, remedy=remedy)
        if plus + minus != 0:
            raise InputError(
                f"an ion pair must be neutral, not {plus:+d} and {minus:+d}",
                value=self.smiles,
                remedy="repeat an ion with a dot, such as [Cl-].[Cl-]",
            )

    @property
    def smiles(self) -> str:
        """Both ions as one SMILES, joined by a dot."""
        return f"{self.cation}.{self.anion}"


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


def _charge(smiles: str) -> int:
    return _molecule(smiles)[1]


@lru_cache(maxsize=65536)
def _molecule(text: str) -> tuple[str, int]:
    """Canonical SMILES and formal charge; kept, since ions recur in thousands of rows."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text) if isinstance(text, str) and text.strip() else None
    if molecule is None:
        raise InputError(
            "a SMILES must be readable, with allowed valences",
            value=text,
            remedy="check brackets, ring numbers and charges",
        )
    return Chem.MolToSmiles(molecule), Chem.GetFormalCharge(molecule)
