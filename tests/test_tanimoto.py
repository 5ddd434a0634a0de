"""The Tanimoto kernel against its definition, the process against a dense one written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal

import leyden as ly
from leyden import artefact
from leyden.errors import IncompatibleError, InputError
from leyden.models.tanimoto import TanimotoProcess, tanimoto

COUNTS = arrays(np.int64, st.tuples(st.integers(1, 6), st.just(7)), elements=st.integers(0, 5))


def by_definition(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    low = np.minimum(X[:, None], Y).sum(axis=2)
    high = np.maximum(X[:, None], Y).sum(axis=2)
    return np.where(high > 0, low / np.maximum(high, 1e-300), 1.0)


@given(COUNTS, COUNTS)
def test_kernel_is_minimum_over_maximum(X: np.ndarray, Y: np.ndarray) -> None:
    np.testing.assert_allclose(tanimoto(X, Y), by_definition(X, Y), rtol=1e-12)
    np.testing.assert_allclose(tanimoto(X / 3, Y / 3), by_definition(X, Y), rtol=1e-12)


@given(COUNTS)
def test_kernel_is_positive_definite(X: np.ndarray) -> None:
    kernel = tanimoto(X, X)
    np.testing.assert_array_equal(np.diag(kernel), 1.0)
    np.testing.assert_allclose(kernel, kernel.T, rtol=1e-12)
    assert np.linalg.eigvalsh(kernel).min() > -1e-12


def test_kernel_of_bits_is_that_of_rdkit() -> None:
    from rdkit import DataStructs
    from rdkit.DataStructs import ExplicitBitVect

    bits = np.random.default_rng(0).random((5, 64)) < 0.3
    vectors = [ExplicitBitVect(64) for _ in bits]
    for vector, row in zip(vectors, bits, strict=True):
        vector.SetBitsFromList(np.flatnonzero(row).tolist())
    expected = [DataStructs.BulkTanimotoSimilarity(vector, vectors) for vector in vectors]
    np.testing.assert_allclose(tanimoto(bits, bits), expected, rtol=1e-12)


def problem(rows: int = 50, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    X = generator.poisson(0.5, (rows, 24)).astype(float)
    y = (
        300
        + 5 * X[:, 0]
        - 4 * X[:, 13]
        + 3 * np.sqrt(X[:, 2])
        + noise * generator.normal(size=rows)
    )
    return X, y


def kernel_of(X: np.ndarray, Y: np.ndarray, combination: str) -> np.ndarray:
    cation, anion = by_definition(X[:, :12], Y[:, :12]), by_definition(X[:, 12:], Y[:, 12:])
    total, product = (cation + anion) / 2, cation * anion
    return {"sum": total, "product": product, "sum and product": (total + product) / 2}[combination]


@pytest.mark.parametrize("combination", ["sum", "product", "sum and product"])
def test_process_is_the_dense_one(combination: str) -> None:
    """With a prior of the mean so wide that it is flat, written out with plain inverses."""
    X, y = problem()
    model = TanimotoProcess(parts=2, combination=combination).fit(X[:40], y[:40])
    mean, std = model.predict(X[40:], return_std=True)
    signal, noise, wide = model.signal_std_**2, model.noise_std_**2, 1e7

    def prior(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return signal * kernel_of(A, B, combination) + wide

    inverse = np.linalg.inv(prior(X[:40], X[:40]) + noise * np.eye(40))
    across = prior(X[40:], X[:40])
    np.testing.assert_allclose(mean, across @ inverse @ y[:40], rtol=1e-4)
    variance = np.diag(prior(X[40:], X[40:]) - across @ inverse @ across.T) + noise
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-3)
    np.testing.assert_array_equal(model.predict(X[40:]), mean)
    assert np.abs(mean - y[:40].mean()).max() > 1  # it has learned something


@pytest.mark.parametrize("noise", [0.0, 1.0, 30.0])
def test_no_other_pair_of_variances_is_likelier(noise: float) -> None:
    X, y = problem(noise=noise)
    model = TanimotoProcess().fit(X, y)
    kernel = tanimoto(X, X)

    def likelihood(signal: float, ratio: float) -> float:
        covariance = signal * (kernel + ratio * np.eye(len(y))) + 1e8
        return float(multivariate_normal.logpdf(y, np.full(len(y), y.mean()), covariance))

    signal = model.signal_std_**2
    found = likelihood(signal, model.ratio_)
    others = [
        likelihood(signal * a, model.ratio_ * b)
        for a in (0.5, 0.8, 1.0, 1.25, 2.0)
        for b in (0.01, 0.1, 0.5, 1.0, 2.0, 10.0)
        if 1e-6 <= model.ratio_ * b <= 1e3
    ]
    assert found >= max(others) - 1e-3


def test_spread_is_that_of_the_errors() -> None:
    """Of targets drawn from the process itself."""
    X, _ = problem(400)
    generator = np.random.default_rng(3)
    covariance = 25 * tanimoto(X, X) + 4 * np.eye(400)
    y = 50 + np.linalg.cholesky(covariance) @ generator.standard_normal(400)
    model = TanimotoProcess(search_rows=200).fit(X[:300], y[:300])
    mean, std = model.predict(X[300:], return_std=True)
    assert np.std((y[300:] - mean) / std) == pytest.approx(1.0, abs=0.2)


def test_a_constant_is_learned_as_it_is() -> None:
    X, _ = problem()
    mean, std = TanimotoProcess().fit(X, np.full(50, 3.5)).predict(X, return_std=True)
    np.testing.assert_allclose(mean, 3.5)
    np.testing.assert_allclose(std, 0.0, atol=1e-6)


def test_process_is_saved_without_its_factor(tmp_path: Path) -> None:
    X, y = problem()
    model = TanimotoProcess(parts=2).fit(X, y)
    expected = model.predict(X[:5], return_std=True)
    artefact.write(model, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    assert isinstance(loaded, TanimotoProcess)
    assert "_factor" not in vars(loaded)
    np.testing.assert_allclose(loaded.predict(X[:5], return_std=True), expected, rtol=1e-12)
    assert loaded.X_.dtype == np.uint8
    artefact.write(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "saved").read_bytes()


def test_wrong_input_is_named() -> None:
    X, y = problem()
    with pytest.raises(InputError, match="not standardised") as caught:
        TanimotoProcess().fit(np.vstack([X, X[:1] - 1]), np.append(y, 1.0))
    assert caught.value.row == 51
    with pytest.raises(InputError, match="none negative or missing"):
        tanimoto(X, np.where(X == 0, np.nan, X))
    with pytest.raises(IncompatibleError, match="24 and 23"):
        tanimoto(X, X[:, 1:])
    with pytest.raises(InputError, match="equal parts"):
        TanimotoProcess(parts=5).fit(X, y)
    with pytest.raises(InputError, match="combination"):
        TanimotoProcess(combination="mean").fit(X, y)
    with pytest.raises(InputError, match="two rows"):
        TanimotoProcess().fit(X[:1], y[:1])


def test_spread_reaches_the_user() -> None:
    X, y = problem()
    model = ly.models.VectorRegressor(None, TanimotoProcess()).fit(X, np.stack([y, -y], axis=1))
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean[:, 0], -mean[:, 1])
    assert (std > 0).all()
