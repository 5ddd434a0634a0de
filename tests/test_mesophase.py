"""Mesophase ranges and their probabilities: calibrated where the truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

from leyden import artefact
from leyden.errors import IncompatibleError, InputError
from leyden.models import JointProcess, Mesophase, VectorRegressor
from leyden.models.mesophase import MesophaseCalibration, mesophase_range
from leyden.representations import Fingerprint

BITS = Fingerprint(("morgan",), counts=True, size=16)
COVARIANCE = np.array([[9.0, 6.0], [6.0, 16.0]])  # of clearing and melting; their difference: 13


def truth(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and answers that scatter about them with `COVARIANCE`."""
    generator = np.random.default_rng(seed)
    prediction = 100 + generator.normal(0, 4, (n, 2))
    return prediction, prediction + generator.multivariate_normal([0, 0], COVARIANCE, n)


def test_range_of_what_is_shared() -> None:
    width, std = mesophase_range(np.array([[120.0, 90.0]]), COVARIANCE[None])
    assert width == [30.0]
    assert std == pytest.approx(np.sqrt(13))
    with pytest.raises(IncompatibleError, match="two targets"):
        mesophase_range(np.zeros((3, 1)))


@pytest.mark.parametrize("told", [None, 1.0, 0.1, 9.0])
def test_probabilities_are_those_of_a_normal_truth(told: float | None) -> None:
    """Whether the model tells its variance or not, and by whatever factor it is wrong."""
    prediction, y = truth(4000, 0)
    spread = None if told is None else np.tile(told * COVARIANCE, (4000, 1, 1))
    calibrated = MesophaseCalibration(0.8).fit(y, prediction, spread)
    asked, answers = truth(4000, 1)
    forecast = calibrated.forecast(asked, spread)
    expected = norm.cdf((asked[:, 0] - asked[:, 1]) / np.sqrt(13))
    np.testing.assert_allclose(forecast["probability"], expected, atol=0.04)
    width = answers[:, 0] - answers[:, 1]
    inside = (forecast["range_lower"] <= width) & (width <= forecast["range_upper"])
    assert inside.mean() == pytest.approx(0.8, abs=0.025)


def test_a_spread_of_each_row_is_used() -> None:
    generator = np.random.default_rng(3)
    prediction = np.tile([[103.0, 100.0]], (3000, 1))
    scale = np.where(np.arange(3000) % 2 == 0, 1.0, 6.0)
    y = prediction + np.stack([scale * generator.standard_normal(3000), np.zeros(3000)], axis=1)
    spread = scale[:, None, None] ** 2 * np.array([[1.0, 0.0], [0.0, 0.0]])
    found = MesophaseCalibration().fit(y, prediction, spread).forecast(prediction[:2], spread[:2])
    np.testing.assert_allclose(found["probability"], norm.cdf([3.0, 0.5]), atol=0.03)


def test_predictions_that_say_nothing_get_the_base_rate() -> None:
    generator = np.random.default_rng(4)
    prediction = 100 + generator.normal(0, 4, (3000, 2))
    y = np.stack([np.where(generator.random(3000) < 0.8, 110.0, 90.0), np.full(3000, 100.0)], 1)
    chance = MesophaseCalibration().fit(y, prediction).forecast(prediction)["probability"]
    assert chance.mean() == pytest.approx(0.8, abs=0.03)
    assert chance.std() < 0.05


def test_of_molecules_that_all_have_one_nothing_is_certain() -> None:
    prediction, y = truth(30, 5)
    y[:, 0] += 60
    chance = MesophaseCalibration().fit(y, prediction).forecast(prediction)["probability"]
    assert chance.between(0.5, 0.9999).all()


def problem() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(6)
    X = generator.poisson(1.0, (150, 16)).astype(float)
    melting = 100 + 10 * X[:, 0] - 5 * X[:, 1]
    y = np.stack([melting - 10 + 12 * X[:, 2], melting], axis=1) + generator.normal(0, 3, (150, 2))
    y[:40, 0] = np.nan
    y[110:, 1] = np.nan
    return X, y


@pytest.mark.parametrize(
    "model",
    [
        VectorRegressor(BITS, LinearRegression()),
        JointProcess(BITS, steps=10),
        JointProcess(BITS, steps=10, coupling="none"),
    ],
    ids=["one regressor a target", "joint process", "one process a target"],
)
def test_any_model_of_two_temperatures(model: object, tmp_path: Path) -> None:
    X, y = problem()
    fitted = Mesophase(model, folds=3).fit(X, y)
    forecast = fitted.forecast(X)
    np.testing.assert_array_equal(forecast[["clearing", "melting"]], fitted.predict(X))
    has_one = X[:, 2] > 0
    assert forecast["probability"][has_one].mean() > forecast["probability"][~has_one].mean() + 0.4
    assert (forecast["range_lower"] < forecast["range_upper"]).all()
    artefact.write(fitted, tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved").forecast(X[:7])
    np.testing.assert_allclose(loaded, forecast[:7], rtol=1e-9)


class Copying:
    """Knows by heart what it was taught, and nothing else."""

    def __init__(self) -> None:
        self.representation = None

    def get_params(self, deep: bool = True) -> dict[str, object]:
        return {}

    def fit(self, X: np.ndarray, y: np.ndarray) -> Copying:
        self.known = {row.tobytes(): value for row, value in zip(X, y, strict=True)}
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.array([self.known.get(row.tobytes(), np.zeros(2)) for row in X])


def test_calibration_keeps_groups_together() -> None:
    """Rows that are there twice must not vouch for each other."""
    X, y = problem()
    X, y = np.vstack([X, X]), np.vstack([y, y])
    molecule = np.tile(np.arange(150), 2)
    apart = Mesophase(Copying()).fit(X, y)
    kept = Mesophase(Copying()).fit(X, y, groups=molecule)
    assert kept.calibration_.std_ > 1.5 * apart.calibration_.std_


def test_too_few_molecules_with_both() -> None:
    _, y = problem()
    y[45:, 0] = np.nan
    with pytest.raises(InputError, match="both temperatures"):
        MesophaseCalibration().fit(y, y)
