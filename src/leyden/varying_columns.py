"""Only columns that vary: a filter of vectors that is learned with the rest of a strategy."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import InputError
from leyden.representations.selected_columns import varying_columns
from leyden.source_networks import Lesson, clean_source
from leyden.transfer import Strategy

__all__ = ["VaryingColumns"]

_PLACE = "model__representation"


class VaryingColumns(Strategy):
    """A strategy whose model reads only the columns that vary in the data set that decides.

    The published filter of fingerprints (Yan et al., section 3.1), where it can be honest: it is
    learned from the training rows of each fold, or from a source less what the fold forbids.
    Sources are learned by the same columns, so that other columns teach them anew.

    Parameters
    ----------
    strategy : Strategy
        Has one or more models of vectors (`FineTune`, `FromScratch`, `SourceSearch`, ...).
    decided_by : "target" or Dataset
        What decides: the training rows of the target (published for a few hundred rows and for 39
        melting temperatures), or a source (for 30 clearing temperatures).
    least_variance : float
        Columns with this variance or less are left out; 0 leaves out those that are constant.

    Attributes
    ----------
    strategy_ : Strategy
        The fitted strategy.
    notes_ : dict
        Those of the strategy, and ``columns``: how many are left.
    """

    def __init__(
        self,
        strategy: Strategy,
        decided_by: str | Dataset = "target",
        least_variance: float = 0.0,
    ) -> None:
        self.strategy = strategy
        self.decided_by = decided_by
        self.least_variance = least_variance

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """As the strategy does; a source that decides is knowledge from elsewhere, too."""
        return self.strategy.transfers or isinstance(self.decided_by, Dataset)

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of the strategy, by the columns that vary."""
        return self._filtered(dataset, held_out).lessons(dataset, held_out, notes)

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        filtered = self._filtered(dataset, held_out)
        self.strategy_ = filtered.fit(dataset, held_out=held_out)
        model = self.strategy_.model_
        self.notes_ = {**self.strategy_.notes_, "columns": len(model.representation.names())}
        return model

    def _filtered(self, dataset: Dataset, held_out: HeldOut) -> Strategy:
        """A copy of the strategy that reads the columns which these rows decide on.

        Raises
        ------
        InputError
            The strategy has no model of its own, or what decides is not known.
        """
        strategy = clone(self.strategy)
        known = strategy.get_params()
        places = [name for name in known if f"__{name}".endswith(f"__{_PLACE}")]
        if not places:
            raise InputError(
                "columns are selected for a strategy that has a model with a representation",
                value=type(strategy).__name__,
                remedy="wrap the strategies that it is made of, one by one",
            )
        if isinstance(self.decided_by, Dataset):
            decider = clean_source(self.decided_by, dataset, held_out, {})
        elif self.decided_by == "target":
            decider = dataset
        else:
            raise InputError(
                "columns are selected by the target or by a data set", value=self.decided_by
            )
        return strategy.set_params(
            **{name: varying_columns(known[name], decider, self.least_variance) for name in places}
        )
