"""One molecule drawn in few pixels: a structural formula, or numbers at its atoms and bonds."""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import Any

import numpy as np

from leyden.data.molecules import canonical_form, read_molecule
from leyden.errors import InputError

__all__ = ["ENCODINGS", "drawn"]

ENCODINGS = ("drawing", "chemception")
_BOND_VALUE = 2  # the atomic number of helium, which no molecule contains
_FINEST = 0.5  # angstrom a pixel, in the chemception encoding
_SHORTEST_BOND = 1.0  # pixels
_FONT = "BuiltinRobotoRegular"  # part of RDKit, so that letters are the same on every machine


def drawn(smiles: str, encoding: str, rows: int, columns: int, angle: float = 0.0) -> np.ndarray:
    """A picture of one molecule.

    Parameters
    ----------
    smiles : str
    encoding : {"drawing", "chemception"}
    rows, columns : int
        Pixels. A molecule is shrunk until it fits; the chemception encoding shows 0.5 angstrom a
        pixel or less.
    angle : float
        Degrees by which the molecule is turned from its upright position.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        Not to be written to.

    Raises
    ------
    InputError
        A SMILES that cannot be read or has several pieces, or a molecule whose bonds would be
        shorter than a pixel.
    """
    return _drawn(canonical_form(smiles), encoding, rows, columns, round(angle, 6))


@lru_cache(maxsize=4096)
def _drawn(canonical: str, encoding: str, rows: int, columns: int, angle: float) -> np.ndarray:
    if "." in canonical:
        raise InputError(
            "a picture shows one molecule",
            value=canonical,
            remedy="give a salt as an IonPair, and leave solvents out",
        )
    molecule = _laid_out(canonical, angle)
    flat = molecule.GetConformer().GetPositions()[:, :2]
    extent = np.ptp(flat, axis=0)
    # an atom at the border needs room for its letter: half a bond at either side
    angstroms = max((extent[0] + 1.5) / columns, (extent[1] + 1.5) / rows)
    if 1.5 / angstroms < _SHORTEST_BOND:
        raise InputError(
            f"a molecule must fit into {rows} x {columns} pixels, its bonds longer than one",
            value=canonical,
            remedy="leave it out, or represent it by fingerprints",
        )
    if encoding == "drawing":
        picture = _formula(molecule, rows, columns)
    else:
        centred = (flat - (flat.max(axis=0) + flat.min(axis=0)) / 2) / max(_FINEST, angstroms)
        picture = _numbers(molecule, centred, rows, columns)
    picture.setflags(write=False)
    return picture


def _laid_out(canonical: str, angle: float) -> Any:
    """The molecule with flat coordinates in angstrom, its longest axis along x before the turn."""
    from rdkit.Chem import rdDepictor, rdMolTransforms

    molecule = read_molecule(canonical)
    rdDepictor.Compute2DCoords(molecule, canonOrient=True, forceRDKit=True)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = np.eye(4)
    turn[:2, :2] = [[cosine, -sine], [sine, cosine]]
    rdMolTransforms.TransformConformer(molecule.GetConformer(), turn)
    return molecule


def _formula(molecule: Any, rows: int, columns: int) -> np.ndarray:
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DCairo(columns, rows)
    canvas.drawOptions().fontFile = _FONT
    try:
        prepared = rdMolDraw2D.PrepareMolForDrawing(molecule)
    except ValueError as error:
        raise InputError("a molecule must have a structural formula", value=str(error)) from error
    canvas.drawOptions().prepareMolsBeforeDrawing = False
    canvas.DrawMolecule(prepared)
    canvas.FinishDrawing()
    with Image.open(io.BytesIO(canvas.GetDrawingText())) as image:
        return np.array(image.convert("RGB"))


def _numbers(molecule: Any, centred: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Atomic numbers over bonds; `centred` in pixels from the middle, y upwards."""
    places = np.stack([(rows - 1) / 2 - centred[:, 1], (columns - 1) / 2 + centred[:, 0]], axis=1)
    picture = np.zeros((rows, columns), dtype=np.uint8)
    for bond in molecule.GetBonds():
        ends = places[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]]
        points = math.ceil(np.abs(ends[1] - ends[0]).max()) + 1
        line = np.rint(np.linspace(ends[0], ends[1], points)).astype(int)
        picture[line[:, 0], line[:, 1]] = _BOND_VALUE
    atoms = np.rint(places).astype(int)
    for atom, (row, column) in zip(molecule.GetAtoms(), atoms, strict=True):
        # of atoms in one pixel the heaviest is seen, whatever their order
        picture[row, column] = max(picture[row, column], atom.GetAtomicNum())
    return np.repeat(picture[:, :, None], 3, axis=2)
