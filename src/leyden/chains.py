"""Chains: the path of sources that a network learns, one after the other, before its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import InputError
from leyden.source_networks import Lesson, clean_source

__all__ = ["Chain", "Step"]


@dataclass(frozen=True, eq=False)
class Step:
    """One source of a chain, and how it is learned.

    Attributes
    ----------
    source : Dataset
        What teaches.
    settings : mapping
        Constructor parameters of the model that differ in this step, such as ``{"epochs": 30}``.
    train : {"all", "head"} or sequence of str
        Which parameters move, as for `FineTune`; in a first step the others stay as they were
        drawn.
    """

    source: Dataset
    settings: Mapping[str, Any] = field(default_factory=dict)
    train: str | Sequence[str] = "all"

    @property
    def name(self) -> str:
        """That of its source."""
        return self.source.name

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", dict(self.settings))
        if not isinstance(self.train, str):
            object.__setattr__(self, "train", tuple(self.train))


@dataclass(frozen=True, eq=False)
class Chain:
    """Sources in the order in which they are learned; the target comes after the last.

    Each loses what a test fold forbids, by itself (`leyden.source_networks.clean_source`): rows of
    the target's quantity, wherever they stand in the chain.

    Attributes
    ----------
    steps : tuple of Step
        Given as steps or datasets; a dataset is learned with the settings of the model.
    share_items : bool
        Whether sources of *another* quantity may keep the target's items, as for `FineTune`.

    Examples
    --------
    >>> network = MultilayerPerceptron(Fingerprint(), **NETWORK, **PUBLISHED["source"])
    ... # doctest: +SKIP
    >>> path = Chain([ionic_liquids, Step(melting, PUBLISHED["mixed"])])  # doctest: +SKIP
    >>> FineTune(network, path, settings=PUBLISHED["mixed"])  # doctest: +SKIP
    """

    steps: Sequence[Step | Dataset]
    share_items: bool = True

    def __post_init__(self) -> None:
        if not len(self.steps):
            raise InputError("a chain has at least one source")
        object.__setattr__(self, "steps", tuple(map(_as_step, self.steps)))

    def lessons(
        self,
        model: Any,
        target: Dataset,
        held_out: HeldOut,
        notes: dict[str, Any],
        share_items: bool = True,
    ) -> list[Lesson]:
        """What `model` is to learn of each step, each lesson going on from the one before.

        Parameters
        ----------
        model : NetworkModel
            Unfitted.
        target : Dataset
            The rows that the network is to be fitted on afterwards.
        held_out : HeldOut
            What the test fold forbids.
        notes : dict
            Is told what was taken out of the sources.
        share_items : bool
            Whether whoever asks lets items be shared; the chain must, too.

        Raises
        ------
        LeakageError
            Nothing is left of a source.
        """
        shared = share_items and self.share_items
        lessons: list[Lesson] = []
        for step in map(_as_step, self.steps):
            source = clean_source(step.source, target, held_out, notes, shared)
            learner = clone(model).set_params(**step.settings) if step.settings else model
            before = lessons[-1] if lessons else None
            lessons.append(Lesson(learner, source, before, step.train))  # type: ignore[arg-type]
        return lessons


def _as_step(source: Step | Dataset) -> Step:
    return source if isinstance(source, Step) else Step(source)
