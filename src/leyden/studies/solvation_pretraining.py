"""From COSMO-RS to experiment: the two-stage recipe on free energies of solvation.

The published recommender of ionic liquids was pretrained on COSMO-RS, whose tables need a licence.
CombiSolv has both simulated and measured free energies of solvation of the same kind of pair (a
solute in a solvent), so that the recipe itself can be put to the test in the open.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.models import IonRecommender
from leyden.representations.fingerprints import Fingerprint
from leyden.representations.known_pairs import KnownPairs
from leyden.splits import GroupKFold
from leyden.transfer import FineTune, FromScratch, SourceAsIs
from leyden.validation import evaluate

__all__ = ["ARMS", "pretraining_arms", "pretraining_evaluation"]

ARMS = ("scratch", "fine-tuned", "source as it is")
"""What is compared."""

_STRUCTURE = Fingerprint("morgan", counts=True, size=512)
_QUICK_ROWS = 1000


def pretraining_arms(
    source: Dataset, target: Dataset, *, quick: bool = False, random_state: int = 0
) -> tuple[dict[str, Any], Dataset]:
    """Arms from one simulated and one measured data set of pairs.

    Both networks are the hybrid: every molecule by name and by structure.

    Parameters
    ----------
    source, target : Dataset
        Simulated and measured, as `leyden.data.solvation.solvation` gives them: one target each, of
        the same quantity in the same unit.
    quick : bool
        A few thousand simulated rows and few epochs: some seconds, and no claim.
    random_state : int
        Seed of the networks and of the rows of a quick run.

    Returns
    -------
    arms : dict of str to Strategy
        `ARMS`. In each fold they lose the simulated rows of its test pairs or molecules.
    source : Dataset
        The simulated rows that teach, their target under the name of the measured one.
    """
    if quick:
        chosen = np.random.default_rng(random_state).permutation(len(source))[:_QUICK_ROWS]
        source = source.take(np.sort(chosen)).alone()
    source = _named_alike(source, target)
    model = IonRecommender(
        KnownPairs.among(source, target, ion=_STRUCTURE),
        forms="constant",
        epochs=3 if quick else 60,
        least_steps=30 if quick else 600,
        random_state=random_state,
    )
    taught = model.get_params() | {"epochs": 3 if quick else 15, "batch_size": 1024}
    pretrained = IonRecommender(**taught)
    settings = {"epochs": model.epochs, "batch_size": model.batch_size}
    arms = {
        "scratch": FromScratch(model),
        "fine-tuned": FineTune(pretrained, source, learning_rate=2e-3, settings=settings),
        "source as it is": SourceAsIs(pretrained, source),
    }
    return arms, source


def pretraining_evaluation(
    source: Dataset,
    target: Dataset,
    group: str = "pair",
    *,
    folds: int = 5,
    quick: bool = False,
    random_state: int = 0,
    n_jobs: int = 1,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> Evaluation:
    """All arms on the same folds of the measured rows.

    Parameters
    ----------
    source, target, quick, random_state
        As of `pretraining_arms`.
    group : str
        Group column that folds keep together: ``"pair"`` for unseen pairs of known molecules,
        ``"solute"`` for solutes that were not seen as such (they may stand as
        solvents in training rows).
    folds : int
    n_jobs, checkpoint, progress
        As of `leyden.validation.evaluate`.

    Returns
    -------
    Evaluation
        ``paired("fine-tuned").ratio`` is what pretraining leaves of the error, with its interval.
    """
    if quick:
        target = target.take(slice(None, None, 12)).alone()
    arms, _ = pretraining_arms(source, target, quick=quick, random_state=random_state)
    split = GroupKFold(group, 2 if quick else folds, random_state=random_state)
    return evaluate(arms, target, split, n_jobs=n_jobs, checkpoint=checkpoint, progress=progress)


def _named_alike(source: Dataset, target: Dataset) -> Dataset:
    """The source, its one target named as the measured one: they are the same quantity."""
    (theirs,), (ours,) = source.targets.columns, target.targets.columns
    return replace(
        source,
        targets=source.targets.rename(columns={theirs: ours}),
        quantities=target.quantities,
        _root=None,
    )
