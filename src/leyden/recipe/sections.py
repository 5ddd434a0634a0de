"""The sections of a recipe that have no kind: data, what is compared, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leyden.errors import InputError
from leyden.recipe.parts import Part, check_key

__all__ = ["Calibration", "Data", "Evaluate", "Source"]


@dataclass(frozen=True)
class Data:
    """Section `data` or `source`: which rows, and what of them.

    Attributes
    ----------
    dataset : str
        Name in the catalogue, or path of a file (relative to the folder of the recipe).
    targets : tuple of str
        Columns; the unit stands in the name, and ``log10_`` before it takes the logarithm.
        ``good_conductor`` is 1 where ``ionic_conductivity_S_per_cm`` reaches 1e-4, else 0.
    where : mapping
        Only rows of these values.
    group : str, optional
        Column whose labels splits keep together.
    id : str, optional
        Column of the ids, and ...
    item : str, optional
        ... of the formulas or SMILES, and ...
    censored : tuple of str
        ... targets in which ``<x`` is an upper bound; these three for files only.
    """

    dataset: str
    targets: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    id: str | None = None
    item: str | None = None
    censored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source(Data):
    """Section `source`: data that teach, and how, where it differs from the model's own settings.

    Attributes
    ----------
    settings : mapping
        Parameters of the model on this source, as of `leyden.chains.Step`.
    train : str or tuple of str
        Which parameters move, as for `leyden.transfer.FineTune`.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    train: str | tuple[str, ...] = "all"

    @property
    def is_step(self) -> bool:
        """Whether it is learned otherwise than the model says."""
        return bool(self.settings) or self.train != "all"


@dataclass(frozen=True)
class Evaluate:
    """Section `evaluate`: what is compared.

    Attributes
    ----------
    arms : mapping of str to Part
        Strategies by name.  Default: from scratch, and the recipe's own strategy.
    baselines : tuple of str, or bool
        Classical arms by name; true for all of them.
    reference : str, optional
        The arm that the others are paired with.  Default: the first that does not transfer.
    jobs : int
        Processes.
    """

    arms: Mapping[str, Part] = field(default_factory=dict)
    baselines: tuple[str, ...] | bool = True
    reference: str | None = None
    jobs: int = 1


@dataclass(frozen=True)
class Calibration:
    """Section `calibration`: intervals of the predictor from out-of-fold residuals.

    Attributes
    ----------
    folds : int
        The strategy is fitted once more in each; 0 for no intervals.
    level : float
        Wanted coverage.
    by : {"all", "domain"}
        One calibration of all rows; or, of ion pairs, one for each step of what is known of a pair
        (`leyden.ion_domain.CATEGORIES`), on splits by pair, by cation and by anion, which cost
        three times as many fits. Predictions then name the ``domain`` of their pair.

    Raises
    ------
    InputError
        Another `by`, or ``"domain"`` without folds.
    """

    folds: int = 5
    level: float = 0.9
    by: str = "all"

    def __post_init__(self) -> None:
        check_key(self.by, ["all", "domain"], "[calibration] by is 'all' or 'domain'")
        if self.by == "domain" and self.folds == 0:
            raise InputError(
                "[calibration] intervals by domain need folds", value=0, remedy="folds = 5"
            )
