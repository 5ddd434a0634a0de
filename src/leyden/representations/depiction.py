"""Molecules and ion pairs as small pictures, for networks that look at them.

Every picture has 50 rows, 100 columns and three channels, after A. Yan et al., Comput. Theor. Chem.
1205 (2021) 113443: an ion pair is two squares side by side, the cation always left; a molecule has
the whole width to itself.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair
from leyden.errors import InputError
from leyden.representations.cache import content_key, remembered
from leyden.representations.drawing import ENCODINGS, drawn

__all__ = ["COLUMNS", "ROWS", "Depiction", "blur_sigma", "blurred"]

ROWS, COLUMNS = 50, 100
_GOLDEN = 0.5 * (5**0.5 - 1)


@dataclass(frozen=True)
class Depiction:
    """Pictures of molecules (SMILES) or ion pairs (`IonPair`).

    Attributes
    ----------
    encoding : {"drawing", "chemception"}
        A structural formula with coloured element symbols on white, as RDKit draws it; or atomic
        numbers at the atoms and 2 along the bonds, on 0, equal in all channels (G. B. Goh et al.,
        arXiv:1706.06689).
    blur : int
        Size n of the kernel (n x n pixels, odd) of a Gaussian blur; 0 is none. See `blur_sigma`.
    rotations : int
        Pictures of each item. The first is upright, the longest axis along the rows; the others are
        drawn turned, the ions of a pair by different angles, and shrunk until they fit.
    turn : float
        Degrees over which the rotations are spread, half of them to either side; 360 is the circle.

    Notes
    -----
    Pixels are whole numbers from 0 to 255. A picture depends on the species alone, not on the order
    of atoms or the resonance form of its SMILES, and its letters are of a font inside RDKit.
    """

    kind: ClassVar[str] = "depiction"

    encoding: str = "drawing"
    blur: int = 0
    rotations: int = 1
    turn: float = 360.0

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise InputError(
                "the encoding of pictures is not known",
                value=self.encoding,
                remedy=f"choose from {', '.join(ENCODINGS)}",
            )
        if self.blur and (self.blur < 3 or self.blur % 2 == 0):
            raise InputError(
                "the kernel of a blur is odd and at least 3", value=self.blur, remedy="0 is no blur"
            )
        if self.rotations < 1:
            raise InputError("an item has at least one picture", value=self.rotations)
        if not 0 < self.turn <= 360:
            raise InputError("rotations are spread over up to 360 degrees", value=self.turn)

    @property
    def background(self) -> int:
        """Value of an empty pixel."""
        return 255 if self.encoding == "drawing" else 0

    def transform(self, items: Sequence[str | IonPair]) -> np.ndarray:
        """Pictures, uint8, shape (n, 50, 100, 3), or (n, rotations, 50, 100, 3) for several.

        Raises
        ------
        InputError
            With `row`: what is neither SMILES nor ion pair, or cannot be drawn in so few pixels.
        """
        pictures = np.empty((len(items), self.rotations, ROWS, COLUMNS, 3), dtype=np.uint8)
        for row, item in enumerate(items):
            try:
                pictures[row] = self._pictures(item)
            except InputError as error:
                raise error.at(row=row + 1) from error
        pictures = blurred(pictures, self.blur) if self.blur else pictures
        return pictures[:, 0] if self.rotations == 1 else pictures

    def of(self, dataset: Dataset) -> np.ndarray:
        """Pictures of a data set, kept on disk: drawing takes some milliseconds each."""
        drawer = f"rdkit {importlib.metadata.version('rdkit')}"
        key = content_key(self, [drawer, *dataset.items])
        return remembered("depictions", key, lambda: {"X": self.transform(dataset.items)})["X"]

    def _pictures(self, item: Any) -> np.ndarray:
        """All pictures of one item, shape (rotations, 50, 100, 3)."""
        number = np.arange(self.rotations)
        turns = number / self.rotations
        if isinstance(item, IonPair):
            parts = [
                self._turned(item.cation, turns, COLUMNS // 2),
                self._turned(item.anion, number * _GOLDEN, COLUMNS - COLUMNS // 2),
            ]
            return np.concatenate(parts, axis=2)
        if not isinstance(item, str):
            raise InputError(
                "a picture is made of a SMILES or an ion pair", value=type(item).__name__
            )
        return self._turned(item, turns, COLUMNS)

    def _turned(self, smiles: str, turns: np.ndarray, width: int) -> np.ndarray:
        """One molecule, by turns in units of the whole range, of which half is to either side."""
        degrees = self.turn * ((turns + 0.5) % 1.0 - 0.5)
        return np.stack([drawn(smiles, self.encoding, ROWS, width, angle) for angle in degrees])


def blur_sigma(size: int) -> float:
    """Standard deviation in pixels of the Gaussian blur with a kernel of this size.

    Yan et al., equation 1: 0.3 (sqrt(n - 1) - 1) + 0.8. (The image library they used derives it as
    0.3 ((n - 1) / 2 - 1) + 0.8, which agrees at n = 5 only; the printed equation is kept.)

    Examples
    --------
    >>> blur_sigma(5)
    1.1
    """
    return 0.3 * ((size - 1) ** 0.5 - 1) + 0.8


def blurred(pictures: np.ndarray, size: int) -> np.ndarray:
    """Pictures, uint8, shape (..., rows, columns, channels), after a Gaussian blur.

    The kernel of `size` x `size` pixels adds up to one; pictures are mirrored at their borders.
    """
    from scipy.ndimage import correlate1d

    steps = np.arange(size) - size // 2
    kernel = np.exp(-0.5 * (steps / blur_sigma(size)) ** 2)
    kernel /= kernel.sum()
    out = np.empty_like(pictures)
    for row, picture in enumerate(pictures):  # one by one: floats take four times the memory
        soft = correlate1d(picture.astype(np.float32), kernel, axis=-3, mode="mirror")
        out[row] = np.rint(correlate1d(soft, kernel, axis=-2, mode="mirror"))
    return out
