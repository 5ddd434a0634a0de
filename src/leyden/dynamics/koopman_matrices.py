"""Koopman matrices of sums over pairs of frames, and what linear algebra makes of them."""

from __future__ import annotations

import numpy as np

from leyden.dynamics.blocks import Moments

__all__ = ["normalised", "singular_values", "solved"]

_CUTOFF = 1e-8  # of the greatest eigenvalue of a covariance matrix; what is below counts as zero


def solved(moments: Moments, reversible: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Koopman matrices and right eigenvectors (..., k, k), and eigenvalues (..., k) between them.

    Those of the equilibrium are first, and the others follow by their distance from 1.
    """
    n = moments.n[..., None, None]
    turned = np.swapaxes(moments.xy, -1, -2)
    now = (moments.xx + moments.yy) / (2 * n) if reversible else moments.xx / n
    lagged = (moments.xy + turned) / (2 * n) if reversible else moments.xy / n
    white = _whitening(now)
    matrix = white @ np.swapaxes(white, -1, -2) @ lagged
    if reversible:
        values, inner = np.linalg.eigh(np.swapaxes(white, -1, -2) @ lagged @ white)
        vectors = white @ inner
    else:
        values, vectors = np.linalg.eig(matrix)
    order = np.argsort(np.abs(values - 1), axis=-1)
    values = np.take_along_axis(values, order, -1)
    return matrix, values, np.take_along_axis(vectors, order[..., None, :], -1)


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """W with W W^T the inverse, where there is one."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _CUTOFF * values[..., -1:]
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return vectors * scale[..., None, :]


def singular_values(moments: Moments) -> np.ndarray:
    """Of C00^-1/2 C0t Ctt^-1/2, (k,); the first is 1: that of the constant."""
    n = moments.n
    first, last = _whitening(moments.xx / n), _whitening(moments.yy / n)
    return np.linalg.svd(first.T @ (moments.xy / n) @ last, compute_uv=False)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Columns with a greatest element of 1; the real part of complex ones."""
    real = np.real(vectors)
    top = np.take_along_axis(real, np.abs(real).argmax(-2, keepdims=True), -2)
    return real / np.where(top == 0, 1.0, top)
