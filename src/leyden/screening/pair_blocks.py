"""A grid of cations and anions, and what the models predict of its blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.ion_domain import CATEGORIES
from leyden.models.average import prepared
from leyden.screening.pair_models import PairModel, RepresentedIons, represented_ions
from leyden.screening.property_units import Conversion, conversion

__all__ = ["CATEGORY", "PairGrid", "conversions"]

CATEGORY = pd.CategoricalDtype(list(CATEGORIES), ordered=True)


class PairGrid:
    """All ions that all models take, each represented once a representation.

    Parameters
    ----------
    checked : DataFrame
        Of `leyden.screening.ion_lists.checked_ions`.
    models : sequence of PairModel
    asked : sequence of str
        Properties, in the units in which they are wanted; the other targets stay as they are.
    temperature_K, pressure_kPa : float
    represented : sequence of RepresentedIons, optional
        That of an equal grid, in another process; default: made here.

    Attributes
    ----------
    cations, anions : DataFrame
        Rows of `checked`, with its index.
    represented : list of RepresentedIons
        Of these ions, one a representation: what is costly about a grid.
    refused : dict of int to str
        Index of an ion in `checked` to why a model does not take it.

    Raises
    ------
    InputError
        No cation or no anion is left, or a property that no model predicts.
    """

    def __init__(
        self,
        checked: pd.DataFrame,
        models: Sequence[PairModel],
        asked: Sequence[str],
        temperature_K: float,
        pressure_kPa: float,
        represented: Sequence[RepresentedIons] | None = None,
    ) -> None:
        self.models = models
        self._state = (temperature_K, pressure_kPa)
        self._shown = conversions(models, asked)
        listed = checked[checked["error"] == ""]
        cations, anions = (listed[listed["charge"] == charge] for charge in (1, -1))
        _check_some(cations, anions, checked, "the lists hold")
        self._input = _first_equal(models, PairModel.shares_input)
        ions = _first_equal(models, lambda model, other: bool(model.pairs == other.pairs))
        makers = sorted(set(ions))
        self._ions = [makers.index(j) for j in ions]
        if represented is None:
            texts = cations["smiles"].tolist(), anions["smiles"].tolist()
            represented = [represented_ions(models[j], *texts) for j in makers]
        self.refused = {
            int(index[place]): f"{models[j].name} does not take it: {message}"
            for j, own in zip(makers, represented, strict=True)
            for index, errors in zip((cations.index, anions.index), own.errors, strict=True)
            for place, message in errors.items()
        }
        kept = [~ions.index.isin(self.refused) for ions in (cations, anions)]
        self.cations, self.anions = cations[kept[0]], anions[kept[1]]
        _check_some(self.cations, self.anions, checked, "the models take")
        self.represented = [own.take(*kept) for own in represented]
        keys = [ions["inchikey"].to_numpy(str) for ions in (self.cations, self.anions)]
        self._known = [
            None if model.domain is None else model.domain.place(*keys) for model in models
        ]
        none = np.array([], dtype=int)
        self._predictors = [
            replace(
                model.predictor,
                model=prepared(model.predictor.model, self._points(j, none, none)),
            )
            for model, j in zip(models, self._input, strict=True)
        ]
        self._text = {
            f"{sign}{end}": pd.CategoricalDtype(ions[column].tolist())
            for sign, ions in (("cation", self.cations), ("anion", self.anions))
            for end, column in (("", "inchikey"), ("_smiles", "smiles"))
        }

    @property
    def dtypes(self) -> dict[str, pd.CategoricalDtype]:
        """Of the columns of text and of the domain."""
        return {**self._text, **{f"{name}_domain": CATEGORY for name in self.properties}}

    def rows(self, first: int, stop: int) -> pd.DataFrame:
        """Pairs of the cations from `first` to before `stop` with all anions.

        Returns
        -------
        DataFrame
            ``key`` (place of the cation times the anions, plus place of the anion), ``cation``,
            ``anion`` (InChIKeys), ``cation_smiles``, ``anion_smiles``; of each property p, ``p``,
            ``p_lower``, ``p_upper``, ``p_domain``.
        """
        n = len(self.anions)
        key = np.arange(first * n, stop * n)
        cation, anion = np.divmod(key, n)
        columns: dict[str, object] = {"key": key}
        for name, dtype in self._text.items():
            places = cation if name.startswith("cation") else anion
            columns[name] = pd.Categorical.from_codes(places, dtype=dtype)
        inputs = {j: self._points(j, cation, anion) for j in set(self._input)}
        for number in range(len(self.models)):
            category = self._category(number, cation, anion)
            names = None if category is None else np.array(CATEGORIES)[category]
            predictor, X = self._predictors[number], inputs[self._input[number]]
            mean, _, lower, upper = predictor.predict_input(X, names)
            codes = np.full(len(key), -1, np.int8) if category is None else category
            for t, shown in enumerate(self._shown[number]):
                for name, convert in shown:
                    columns[name] = convert(mean[:, t])
                    columns[f"{name}_lower"] = convert(lower[:, t])
                    columns[f"{name}_upper"] = convert(upper[:, t])
                    columns[f"{name}_domain"] = pd.Categorical.from_codes(codes, dtype=CATEGORY)
        return pd.DataFrame(columns)

    @property
    def properties(self) -> list[str]:
        """Their columns."""
        return [name for model in self._shown for names in model for name, _ in names]

    def _points(self, number: int, cation: np.ndarray, anion: np.ndarray) -> Any:
        """What a model reads of pairs, told by the places of their ions in the grid."""
        ions = self.represented[self._ions[number]]
        return self.models[number].input(ions.points(cation, anion, *self._state))

    def _category(self, number: int, cation: np.ndarray, anion: np.ndarray) -> np.ndarray | None:
        domain, places = self.models[number].domain, self._known[number]
        if domain is None or places is None:
            return None
        return domain.category_of_places((places[0][cation], places[1][anion]))


def conversions(
    models: Sequence[PairModel], asked: Sequence[str]
) -> list[list[list[tuple[str, Conversion]]]]:
    """By model and target, the names under which it is shown, each with its conversion.

    Raises
    ------
    InputError
        Two models of one property, or a property that none predicts.
    """
    targets = [target for model in models for target in model.predictor.targets]
    for target in targets:
        if targets.count(target) > 1:
            raise InputError("two models predict the same property", value=target)
    wanted = {name: conversion(name, targets) for name in dict.fromkeys(asked)}
    return [
        [
            [(name, own) for name, own in wanted.items() if own.target == target]
            or [(target, Conversion(target))]
            for target in model.predictor.targets
        ]
        for model in models
    ]


def _first_equal(
    models: Sequence[PairModel], same: Callable[[PairModel, PairModel], bool]
) -> list[int]:
    """Of each model, the place of the first that is the same."""
    return [next(j for j, other in enumerate(models) if same(model, other)) for model in models]


def _check_some(
    cations: pd.DataFrame, anions: pd.DataFrame, checked: pd.DataFrame, who: str
) -> None:
    for ions, name in ((cations, "cation"), (anions, "anion")):
        if not len(ions):
            raise InputError(
                f"{who} no {name} of a single charge",
                value=f"{len(checked)} ions, {int((checked['error'] != '').sum())} with an error",
                remedy="write charges into the SMILES, such as [Cl-]",
            )
