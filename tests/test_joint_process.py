"""The process of several properties against dense formulas, and against one property at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

import leyden as ly
from leyden import artefact
from leyden.errors import InputError
from leyden.models import JointProcess
from leyden.models.joint_process import Coregions, Observations, covariance, log_likelihood
from leyden.models.tanimoto import tanimoto
from leyden.representations import Concatenated, Fingerprint, MoleculeDescriptors
from leyden.testing import check_model, check_strategy, tiny_molecules

SIZE = 16
BITS = Fingerprint(("morgan",), counts=True, size=SIZE)
GENERATOR = np.random.default_rng(5)
X = GENERATOR.poisson(0.7, (60, SIZE)).astype(float)


def shared(matrices: list[np.ndarray], noise: list[float]) -> Coregions:
    """Constant, two kernels of descriptors, one fingerprint, the molecule."""
    return Coregions(
        torch.as_tensor(np.array(matrices, float)),
        torch.tensor([0.5, 2.0], dtype=torch.float64),
        torch.tensor(noise, dtype=torch.float64),
    )


def parts(left: np.ndarray, right: np.ndarray) -> list[torch.Tensor]:
    same = (left[:, None] == right).all(axis=2).astype(float)
    between = np.zeros(same.shape), tanimoto(left, right), same
    return [torch.as_tensor(part) for part in between]


def posterior_mean(y: np.ndarray, coregions: Coregions, asked: np.ndarray) -> np.ndarray:
    """Written out with plain inverses, of all properties of `asked`."""
    known = Observations.of(y)
    among = [part[known.row][:, known.row] for part in parts(X[: len(y)], X[: len(y)])]
    matrix = covariance(among, coregions, known.task, known.task).numpy()
    matrix = matrix + np.diag(coregions.noise.numpy()[known.task] + 1e-6)
    targets = y.shape[1]
    rows = np.repeat(np.arange(len(asked)), targets)
    tasks = np.tile(np.arange(targets), len(asked))
    cross = [part[rows][:, known.row] for part in parts(asked, X[: len(y)])]
    across = covariance(cross, coregions, tasks, known.task).numpy()
    return (across @ np.linalg.solve(matrix, known.value)).reshape(len(asked), targets)


def fitted(y: np.ndarray, coregions: Coregions) -> JointProcess:
    """A process that is given its parameters instead of seeking them."""

    class Given(JointProcess):
        def _search(self, *_: object) -> None:
            self.coregions_ = coregions.matrices.numpy()
            self.lengths_ = coregions.lengths.numpy()
            self.noise_ = coregions.noise.numpy()

    return Given(BITS).fit(X[: len(y)], y)


def standard(y: np.ndarray) -> np.ndarray:
    return (y - np.nanmean(y, axis=0)) / np.nanstd(y, axis=0)


def ragged() -> np.ndarray:
    y = GENERATOR.standard_normal((40, 2))
    y[:15, 0] = np.nan
    y[30:, 1] = np.nan
    return standard(y)


COUPLED = [
    [[0.5, 0.2], [0.2, 0.3]],
    [[0.1, 0.0], [0.0, 0.1]],
    [[0.0, 0.0], [0.0, 0.2]],
    [[1.0, 0.6], [0.6, 0.9]],
    [[0.2, 0.1], [0.1, 0.3]],
]


def test_process_is_the_dense_one() -> None:
    y, coregions = ragged(), shared(COUPLED, [0.1, 0.2])
    model = fitted(y, coregions)
    np.testing.assert_allclose(model.predict(X), posterior_mean(y, coregions, X), atol=1e-8)


def test_likelihood_is_the_density_of_what_is_known() -> None:
    y, coregions = ragged(), shared(COUPLED, [0.1, 0.2])
    known = Observations.of(y)
    among = [part[known.row][:, known.row] for part in parts(X[:40], X[:40])]
    matrix = covariance(among, coregions, known.task, known.task).numpy()
    matrix = matrix + np.diag(coregions.noise.numpy()[known.task] + 1e-6)
    expected = multivariate_normal.logpdf(known.value, cov=matrix)
    assert float(log_likelihood(among, coregions, known)) == pytest.approx(expected)


def test_properties_that_share_everything_are_one_property() -> None:
    """Each molecule has one value, of either property: the same as all of one."""
    y = standard(GENERATOR.standard_normal((40, 1)))
    first = np.arange(40) % 2 == 0
    both = np.where(np.stack([first, ~first], axis=1), y, np.nan)
    numbers = [0.5, 0.1, 0.2, 1.0, 0.3]
    joint = posterior_mean(both, shared([n * np.ones((2, 2)) for n in numbers], [0.1, 0.1]), X)
    pooled = posterior_mean(y, shared([[[n]] for n in numbers], [0.1]), X)
    np.testing.assert_allclose(joint, np.repeat(pooled, 2, axis=1), atol=1e-9)


def test_properties_that_share_nothing_are_two_processes() -> None:
    y = ragged()
    numbers = np.array([[0.5, 0.1, 0.2, 1.0, 0.3], [0.2, 0.4, 0.1, 0.6, 0.1]])
    joint = fitted(y, shared([np.diag(pair) for pair in numbers.T], [0.1, 0.3])).predict(X)
    for target, (own, noise) in enumerate(zip(numbers, (0.1, 0.3), strict=True)):
        alone = fitted(y[:, target], shared([[[n]] for n in own], [noise])).predict(X)
        np.testing.assert_allclose(joint[:, target], alone, atol=1e-8)


def drawn(correlation: float) -> np.ndarray:
    """Two properties from the process itself."""
    root = np.linalg.cholesky(tanimoto(X, X) + 1e-6 * np.eye(len(X)))
    mixed = np.linalg.cholesky(np.array([[1, correlation], [correlation, 1]]))
    noise = 0.05 * GENERATOR.standard_normal((len(X), 2))
    return 100 + 30 * (root @ GENERATOR.standard_normal((len(X), 2)) @ mixed.T + noise)


def test_a_related_property_teaches_what_an_unrelated_cannot() -> None:
    y = drawn(0.98)
    taught = y.copy()
    taught[20:, 0] = np.nan  # of which the other property is known
    errors = {}
    for coupling in ("full", "none"):
        told = JointProcess(BITS, coupling=coupling).fit(X, taught).predict(X)
        errors[coupling] = np.abs(told[20:, 0] - y[20:, 0]).mean()
    assert errors["full"] < 0.6 * errors["none"]


def test_uncertainty_is_that_of_the_errors() -> None:
    y = drawn(0.7)
    model = JointProcess(BITS).fit(X[:45], y[:45])
    mean, spread = model.predict_covariance(X[45:])
    values, std = model.predict(X[45:], return_std=True)
    np.testing.assert_array_equal(values, mean)
    np.testing.assert_allclose(std, np.sqrt(np.einsum("mtt->mt", spread)))
    assert (np.linalg.eigvalsh(spread) > 0).all()
    assert 0.6 < np.sqrt((((y[45:] - mean) / std) ** 2).mean()) < 1.7


def test_contract_and_file(tmp_path: Path) -> None:
    y = drawn(0.5)
    y[:9, 1] = np.nan
    check_model(JointProcess(BITS, steps=3), X, drawn(0.5))
    check_model(JointProcess(BITS, steps=3), X, drawn(0.5)[:, 0])
    model = JointProcess(BITS, steps=3).fit(X, y)
    artefact.write(model, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    assert "_factor" not in vars(loaded)
    for found, expected in zip(
        loaded.predict_covariance(X[:5]), model.predict_covariance(X[:5]), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_descriptors_stand_before_fingerprints() -> None:
    molecules = ["CCO", "CCN", "CCC", "CCCO", "CCCC", "c1ccccc1"]
    y = np.array([78.0, 17.0, -42.0, 97.0, -1.0, 80.0])
    model = JointProcess(Concatenated((MoleculeDescriptors(), BITS)), steps=3)
    told = model.fit(model.representation.transform(molecules), y)
    assert told.predict(told.representation.transform(["CCCCO"])).shape == (1,)
    turned = JointProcess(Concatenated((BITS, MoleculeDescriptors())))
    with pytest.raises(InputError, match="before fingerprints"):
        turned.fit(turned.representation.transform(molecules), y)


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="coupling"):
        JointProcess(BITS, coupling="some").fit(X, X[:, 0])
    with pytest.raises(InputError, match="two values"):
        JointProcess(BITS).fit(X, np.where(np.arange(60) > 0, np.nan, 1.0))
    with pytest.raises(InputError, match="not fitted"):
        JointProcess(BITS).predict(X)


def test_it_keeps_the_contract_of_a_strategy() -> None:
    """Strategies tell a model its groups, whether it asks or not."""
    process = JointProcess(Fingerprint("atom_pair", counts=True, size=64), steps=2)
    check_strategy(ly.FromScratch(process), tiny_molecules())
