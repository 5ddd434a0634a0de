"""How alike two ion pairs are: kernels of cations, of anions, and of both together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from leyden.models.tanimoto import tanimoto
from leyden.representations.ion_pair import IonTable

__all__ = ["PARAMETERS", "IonSimilarity", "PairSet", "ion_kernel", "pair_kernel", "prior_variance"]

PARAMETERS = (
    "cation_length",
    "anion_length",
    "constant",
    "size",
    "cation",
    "anion",
    "product",
    "same_cation",
    "same_anion",
    "same_pair",
)
"""Logarithms of lengths and variances of a kernel; behind them stand the weights of its parts."""

_LENGTHS = PARAMETERS.index("constant")
_FARTHEST = 5.0  # standard deviations at which a descriptor is cut off


@dataclass(frozen=True, eq=False)
class IonSimilarity:
    """Distances and similarities of ions to those that were learned from.

    Attributes
    ----------
    keys : ndarray of str, shape (k,)
        The ions learned from.
    widths : tuple of int
        Columns of each part of the vectors: descriptors first, then fingerprints.
    vectors : ndarray, shape (k, d)
    mean, scale : ndarray
        Of the descriptors, over the ions learned from.
    """

    kind: ClassVar[str] = "ion_similarity"

    keys: np.ndarray
    widths: tuple[int, ...]
    vectors: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, ions: IonTable, widths: Sequence[int]) -> IonSimilarity:
        """Similarities to the ions of a table."""
        first = _tamed(ions.vectors[:, : widths[0]])
        spread = first.std(axis=0)
        return cls(
            ions.keys,
            tuple(widths),
            ions.vectors,
            first.mean(axis=0),
            np.where(spread > 1e-9, spread, np.inf),  # what never varied tells nothing
        )

    def parts(self, ions: IonTable) -> list[torch.Tensor]:
        """Of each ion of a table (m) and each learned from (k).

        Returns
        -------
        list of Tensor, each of shape (m, k)
            Mean squared distance of the standardised descriptors, Tanimoto similarities of the
            fingerprints, and whether the two are one ion.
        """
        starts = np.cumsum([0, *self.widths])
        cuts = [slice(a, b) for a, b in itertools.pairwise(starts)]
        mine, theirs = self._standard(self.vectors), self._standard(ions.vectors)
        squares = (theirs**2).sum(axis=1)[:, None] + (mine**2).sum(axis=1)
        distance = np.maximum(squares - 2 * theirs @ mine.T, 0.0) / max(self.widths[0], 1)
        alike = [tanimoto(ions.vectors[:, cut], self.vectors[:, cut]) for cut in cuts[1:]]
        same = (ions.keys[:, None] == self.keys[None]).astype(float)
        return [torch.as_tensor(part) for part in (distance, *alike, same)]

    def among(self) -> list[torch.Tensor]:
        """The same of the ions learned from, among themselves."""
        return self.parts(IonTable(self.keys, self.vectors))

    def _standard(self, vectors: np.ndarray) -> np.ndarray:
        scaled = (_tamed(vectors[:, : self.widths[0]]) - self.mean) / self.scale
        return np.clip(scaled, -_FARTHEST, _FARTHEST)


@dataclass(frozen=True, eq=False)
class PairSet:
    """Pairs as places in two tables of ions, with what they weigh and fill.

    Attributes
    ----------
    cation, anion : ndarray of int, shape (p,)
    size : ndarray, shape (p, 2)
        Logarithms of molar mass and volume, standardised.
    """

    kind: ClassVar[str] = "pair_set"

    cation: np.ndarray
    anion: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.cation)

    def take(self, rows: np.ndarray) -> PairSet:
        """These pairs."""
        return PairSet(self.cation[rows], self.anion[rows], self.size[rows])


def ion_kernel(
    parts: Sequence[torch.Tensor], log_length: torch.Tensor, logits: torch.Tensor
) -> torch.Tensor:
    """A mixture of a Gaussian kernel of descriptors and Tanimoto kernels, shape (m, k)."""
    distance, *alike, _ = parts
    weights = torch.softmax(logits, dim=0)
    kernel = weights[0] * torch.exp(-distance * torch.exp(-log_length))
    for weight, part in zip(weights[1:], alike, strict=True):
        kernel = kernel + weight * part
    return kernel


def pair_kernel(
    theta: torch.Tensor,
    cations: Sequence[torch.Tensor],
    anions: Sequence[torch.Tensor],
    left: PairSet,
    right: PairSet,
) -> torch.Tensor:
    """Covariance of the pairs `left` (m) and `right` (k).

    A constant, a linear function of the logarithms of mass and volume, what each ion adds (by
    likeness, and by itself), what the two ions make together, and what is a pair's own.

    Parameters
    ----------
    theta : Tensor
        `PARAMETERS`, then the weights of the kernel's parts.
    cations, anions : list of Tensor
        As `IonSimilarity.parts` gives them.

    Returns
    -------
    Tensor, shape (m, k)
    """
    variance = torch.exp(theta[_LENGTHS : len(PARAMETERS)])
    constant, size, cation, anion, product, same_cation, same_anion, same_pair = variance
    logits = theta[len(PARAMETERS) :]
    kc = _between(ion_kernel(cations, theta[0], logits), left.cation, right.cation)
    ka = _between(ion_kernel(anions, theta[1], logits), left.anion, right.anion)
    one_cation = _between(cations[-1], left.cation, right.cation)
    one_anion = _between(anions[-1], left.anion, right.anion)
    linear = torch.as_tensor(left.size @ right.size.T)
    shared = constant + size * linear + cation * kc + anion * ka + product * kc * ka
    shared = shared + same_cation * one_cation + same_anion * one_anion
    return shared + (same_pair * one_cation) * one_anion


def prior_variance(theta: torch.Tensor, pairs: PairSet) -> torch.Tensor:
    """Variance of pairs before anything is learned, shape (p,): `pair_kernel` of each with itself.

    Every pair is as alike to itself as can be, so that only its size tells it from another.
    """
    constant, size, *others = torch.exp(theta[_LENGTHS : len(PARAMETERS)])
    return constant + size * torch.as_tensor((pairs.size**2).sum(axis=1)) + sum(others)


def _between(kernel: torch.Tensor, rows: np.ndarray, columns: np.ndarray) -> torch.Tensor:
    return kernel[torch.as_tensor(rows)][:, torch.as_tensor(columns)]


def _tamed(vectors: np.ndarray) -> np.ndarray:
    """Descriptors whose values span decades, brought together."""
    vectors = np.asarray(vectors, float)
    return np.sign(vectors) * np.log1p(np.abs(vectors))
