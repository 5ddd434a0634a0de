"""The training loop: resumable to the bit, honest on pooled statistics, frozen where told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from leyden.checkpoints import read_checkpoint, write_checkpoint
from leyden.errors import ArtefactError, IncompatibleError, InputError
from leyden.models.objectives import Classification, Regression
from leyden.training import Sums, TrainingSettings, set_training_mode, train

ROWS = np.arange(120)
X = torch.tensor(np.random.default_rng(0).normal(size=(160, 5)), dtype=torch.float32)
Y = X[:, :1] * 2 - X[:, 1:2] ** 2
SLOW_RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
import sys, time, torch
sys.path.insert(0, {tests!r})
from test_training import SETTINGS, learner, run
torch.set_num_threads(1)
run(learner(), sys.argv[1], pause=0.05)
"""
SETTINGS = TrainingSettings(epochs=12, batch_size=32, learning_rate=0.01, random_state=3)


class Learner(nn.Module):
    """A small network with batch norm, dropout and a target scaler."""

    def __init__(self, targets: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.Dropout(0.2))
        self.output = nn.Linear(16, targets)
        self.register_buffer("target_mean", torch.zeros(targets))
        self.register_buffer("target_scale", torch.ones(targets))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(torch.tanh(self.encoder(x)))


def learner(targets: int = 1) -> Learner:
    torch.manual_seed(0)
    return Learner(targets)


def run(module, checkpoint=None, pause=0.0, settings=SETTINGS, objective=None, y=Y, **options):
    def batch(rows):
        time.sleep(pause)
        return X[rows], y[rows]

    objective = objective or Regression("squared")
    validation = np.arange(120, 160)
    return train(
        module, objective, batch, ROWS, validation, settings, checkpoint=checkpoint, **options
    )


def same(first: nn.Module, second: nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_equal_seeds_give_equal_bits_whatever_the_global_generator():
    modules = [learner(), learner()]
    for seed, module in enumerate(modules):
        torch.manual_seed(seed)
        run(module)
    assert same(*modules)
    other = learner()
    run(other, settings=TrainingSettings(epochs=12, batch_size=32, random_state=4))
    assert not same(modules[0], other)


def test_training_leaves_the_global_generator_alone():
    module = learner()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(module)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tmp_path, sign):
    path = tmp_path / "run.pt"
    script = SLOW_RUN.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stderr=subprocess.DEVNULL, env=os.environ
    )
    deadline = time.monotonic() + 60
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)  # somewhere in the second or third epoch
    assert process.poll() is None, "the run ended before it could be stopped"
    process.send_signal(sign)
    assert process.wait(30) != 0
    resumed, whole = learner(), learner()
    history = run(resumed, path)
    expected = run(whole)
    assert same(resumed, whole)
    assert history.training_loss == expected.training_loss
    assert history.validation_score == expected.validation_score
    assert not list(tmp_path.glob("*.part*")) or sign == signal.SIGKILL


def test_a_finished_checkpoint_is_not_trained_again(tmp_path):
    first = run(learner(), tmp_path / "run.pt")
    again = run(learner(), tmp_path / "run.pt")
    assert again.seconds == first.seconds


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    run(learner(), tmp_path / "run.pt")
    with pytest.raises(IncompatibleError, match="another training"):
        run(learner(), tmp_path / "run.pt", identity="other data")
    with pytest.raises(IncompatibleError):
        run(learner(), tmp_path / "run.pt", settings=TrainingSettings(epochs=13))


def test_a_damaged_checkpoint_says_so_and_runs_no_code(tmp_path):
    path = tmp_path / "run.pt"
    write_checkpoint(path, "key", {"weights": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ArtefactError, match="delete it"):
        read_checkpoint(path, "key")
    torch.save({"format": 1, "key": "key", "state": os.system}, path)
    with pytest.raises(ArtefactError):
        read_checkpoint(path, "key")
    assert read_checkpoint(tmp_path / "none.pt", "key") is None


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(learner(), tmp_path / "file" / "run.pt")


def test_the_best_epoch_is_kept_and_patience_ends_training():
    settings = TrainingSettings(
        epochs=60, batch_size=32, learning_rate=0.05, schedule="constant", patience=4
    )
    module = learner()
    history = run(module, settings=settings)
    scores = history.validation_score
    assert history.best_epoch == int(np.argmin(scores))
    assert len(scores) == history.best_epoch + 5 < 60
    with torch.no_grad():
        error = (module(X[120:]) - Y[120:]).abs().mean()
    assert float(error) == pytest.approx(min(scores), rel=1e-5)


def test_without_validation_rows_the_last_epoch_is_kept():
    history = train(learner(), Regression(), lambda rows: (X[rows], Y[rows]), ROWS, (), SETTINGS)
    assert history.best_epoch == 11
    assert history.validation_score == []


def test_pooled_batches_give_the_gradient_of_one_great_batch():
    settings = TrainingSettings(epochs=1, batch_size=120, clip=None)
    parts = TrainingSettings(epochs=1, batch_size=10, pooled_batches=12, clip=None)
    y = Y.clone()
    y[::3] = float("nan")  # so that batches differ in their number of values
    great, pooled = (nn.Linear(5, 1) for _ in range(2))
    pooled.load_state_dict(great.state_dict())
    for module, how in ((great, settings), (pooled, parts)):
        module.register_buffer("target_mean", torch.zeros(1))
        module.register_buffer("target_scale", torch.ones(1))
        run(module, settings=how, y=y)
    torch.testing.assert_close(great.weight, pooled.weight)


class Vamp2:
    """VAMP-2 of pairs: the squared norm of the whitened time-lagged covariance, plus one."""

    def accumulate(self, module: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> Sums:
        x, y = (module(part).double() for part in batch)
        one = torch.tensor(float(len(x)), dtype=torch.float64)
        return Sums((one, x.sum(0), y.sum(0), x.T @ x, y.T @ y, x.T @ y))

    def loss(self, statistics: Sums) -> torch.Tensor:
        n, x, y, xx, yy, xy = statistics
        x, y = x / n, y / n
        c00, c11 = xx / n - torch.outer(x, x), yy / n - torch.outer(y, y)
        c01 = xy / n - torch.outer(x, y)
        small = 1e-9 * torch.eye(len(x), dtype=torch.float64)
        k = torch.linalg.solve(c00 + small, c01) @ torch.linalg.solve(c11 + small, c01.T)
        return -(1 + torch.trace(k))

    def validation_score(self, statistics: Sums) -> float:
        return float(self.loss(statistics))


@pytest.mark.parametrize("batch_size", [16, 50, 2000])
def test_vamp_score_of_noise_is_one_for_any_batch_size(batch_size):
    generator = np.random.default_rng(0)
    noise = torch.tensor(generator.normal(size=(2, 4000, 4)), dtype=torch.float32)
    module = nn.Linear(4, 4)
    settings = TrainingSettings(
        epochs=1, batch_size=batch_size, pooled_batches=-(-2000 // batch_size), learning_rate=1e-6
    )
    history = train(
        module,
        Vamp2(),
        lambda rows: (noise[0][rows], noise[1][rows]),
        np.arange(2000),
        np.arange(2000, 4000),
        settings,
    )
    assert -history.validation_score[0] == pytest.approx(1.0, abs=0.03)
    assert -history.training_loss[0] == pytest.approx(1.0, abs=0.03)
    if batch_size == 16:  # the fault that pooling avoids
        parts = np.array_split(np.arange(2000), 125)
        with torch.no_grad():
            each = [Vamp2().accumulate(module, (noise[0][r], noise[1][r])) for r in parts]
            assert np.mean([-Vamp2().validation_score(part) for part in each]) > 1.5


def test_vamp_learns_the_slow_coordinate():
    generator = np.random.default_rng(1)
    slow = np.zeros(3001)
    for t in range(3000):
        slow[t + 1] = 0.9 * slow[t] + generator.normal()
    series = torch.tensor(np.c_[slow, generator.normal(size=(3001, 3))], dtype=torch.float32)
    module = nn.Linear(4, 1)
    history = train(
        module,
        Vamp2(),
        lambda rows: (series[rows], series[rows + 1]),
        np.arange(2000),
        np.arange(2000, 3000),
        TrainingSettings(epochs=15, batch_size=500, pooled_batches=2, learning_rate=0.05),
    )
    assert -min(history.validation_score) == pytest.approx(1 + 0.9**2, abs=0.06)


def test_missing_values_cost_nothing_and_teach_nothing():
    y = torch.cat([Y, Y], dim=1)
    y[5, 1] = float("nan")
    module, objective = learner(2), Regression("squared")
    module.eval()
    statistics = objective.accumulate(module, (X[:10], y[:10]))
    assert statistics[2].tolist() == [10, 9]
    objective.loss(statistics).backward()
    assert torch.isfinite(module.output.weight.grad).all()
    empty = objective.accumulate(module, (X[:3], torch.full((3, 2), float("nan"))))
    assert float(objective.loss(empty).detach()) == 0
    with torch.no_grad():
        errors = (module(X[:10]) - y[:10]) ** 2
    by_hand = (errors[:, 0].mean() + np.nanmean(errors[:, 1].numpy())) / 2
    assert float(objective.loss(statistics).detach()) == pytest.approx(float(by_hand), rel=1e-5)


def test_classification_is_the_cross_entropy_of_what_is_known():
    module = learner()
    module.eval()
    y = (Y[:20] > 0).float()
    y[3] = float("nan")
    known = torch.isfinite(y)
    statistics = Classification().accumulate(module, (X[:20], y))
    expected = nn.functional.binary_cross_entropy_with_logits(module(X[:20])[known], y[known])
    torch.testing.assert_close(Classification().loss(statistics), expected)


def test_frozen_parts_stay_bit_by_bit_with_their_statistics():
    module = learner()
    module.encoder.requires_grad_(False)
    before = {name: t.clone() for name, t in module.state_dict().items()}
    run(module)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]) == (not name.startswith("output.")), name


def test_training_mode_spares_what_is_named_or_not_trained():
    module = learner()
    set_training_mode(module, frozen=["encoder.1"])
    assert not module.encoder[1].training
    assert module.encoder[2].training
    module.encoder.requires_grad_(False)
    set_training_mode(module)
    assert not module.encoder[2].training, "dropout of a frozen encoder is off"


def test_settings_are_checked_and_divergence_is_named():
    with pytest.raises(InputError, match="schedule"):
        TrainingSettings(schedule="warm")
    with pytest.raises(InputError, match="epochs"):
        TrainingSettings(epochs=0)
    settings = TrainingSettings(learning_rate=1e30, schedule="constant", clip=None)
    with pytest.raises(InputError, match="smaller learning rate"):
        run(learner(), settings=settings, objective=Regression("squared"))


def test_one_cycle_rises_and_falls():
    settings = TrainingSettings()
    rates = [settings.rate(p) for p in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.01)
    assert bool((np.diff(rates[16:]) <= 0).all())
