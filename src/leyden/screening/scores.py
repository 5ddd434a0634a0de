"""Scores of a composition from its elements: a score is data, so that billions can be scored."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import IncompatibleError, InputError, did_you_mean
from leyden.screening.tables import check_keys, made

__all__ = ["ElementScore"]


@dataclass(frozen=True, eq=False)
class ElementScore:
    """A score that is linear in the mean and the standard deviation of element properties.

    ``score(x) = intercept + mean_weights . mean(x) + std_weights . std(x)`` with
    ``mean(x) = sum_i x_i P_i`` and ``std(x) = sqrt(sum_i x_i P_i^2 - mean^2)``, x being atomic
    fractions.  The elemental model of solid lithium conductors is one such score (decision function
    of a linear classifier; E. Cubuk, A. Sendek, E. Reed, J. Chem. Phys. 150, 214701 (2019)).

    Attributes
    ----------
    intercept : float
    elements : tuple of str
        Elements of which the properties are known; a composition with any other has no score.
    properties : ndarray of float64, shape (E, p)
        Properties P, a row an element.
    mean_weights : ndarray of float64, shape (p,)
    std_weights : ndarray of float64, shape (p,), optional
        Without it the score is linear in the fractions, and screening is faster.

    Raises
    ------
    InputError
        Shapes that do not fit, an unknown or repeated element, a number that is not finite.
    """

    intercept: float
    elements: tuple[str, ...]
    properties: np.ndarray
    mean_weights: np.ndarray
    std_weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "intercept", float(self.intercept))
        object.__setattr__(self, "elements", tuple(self.elements))
        for name in ("properties", "mean_weights", "std_weights"):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name), dtype=np.float64)
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        for symbol in self.elements:
            if symbol not in ATOMIC_NUMBERS:
                raise InputError(
                    "unknown element", value=symbol, remedy=did_you_mean(symbol, ATOMIC_NUMBERS)
                )
        if len(set(self.elements)) < len(self.elements) or not self.elements:
            raise InputError("a score names each element once", value=self.elements)
        weights = [w for w in (self.mean_weights, self.std_weights) if w is not None]
        shape = (len(self.elements), self.mean_weights.size)
        if self.properties.shape != shape or any(w.shape != shape[1:] for w in weights):
            raise InputError(
                "properties have a row an element, and a column a weight",
                value=[self.properties.shape, *(w.shape for w in weights)],
            )
        if not all(
            np.isfinite(a).all() for a in (np.array(self.intercept), self.properties, *weights)
        ):
            raise InputError(
                "a score is made of finite numbers",
                remedy="leave out the elements whose properties are not known",
            )

    def __call__(self, fractions: Mapping[str, float]) -> float:
        """Score of atomic fractions by element; NaN where an element has no properties.

        Examples
        --------
        >>> score = ElementScore(-1.0, ("Li", "O"), [[1.0], [3.0]], [2.0], [-1.0])
        >>> score({"Li": 0.5, "O": 0.5})
        2.0
        """
        if not set(fractions) <= set(self.elements):
            return float("nan")
        rows = self.properties[[self.elements.index(symbol) for symbol in fractions]]
        x = np.array(list(fractions.values()), dtype=np.float64)
        mean = x @ rows
        value = self.intercept + self.mean_weights @ mean
        if self.std_weights is not None:
            value += self.std_weights @ np.sqrt(x @ (rows - mean) ** 2)
        return float(value)

    @property
    def linear(self) -> bool:
        """Whether no standard deviation counts."""
        return self.std_weights is None or not self.std_weights.any()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, as TOML and JSON hold them."""
        plain = {
            "intercept": self.intercept,
            "elements": list(self.elements),
            "properties": self.properties.tolist(),
            "mean_weights": self.mean_weights.tolist(),
        }
        if self.std_weights is not None:
            plain["std_weights"] = self.std_weights.tolist()
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ElementScore:
        """The score of `to_dict`.

        Raises
        ------
        InputError
            A key that is not known, or one that is missing.
        """
        keys = list(cls.__dataclass_fields__)
        check_keys(plain, keys, "a score")
        for key in keys[:4]:
            if key not in plain:
                raise InputError("a score needs this key", value=key)
        return made(cls, plain, "a score")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ElementScore:
        """The score of a JSON or TOML file that holds `to_dict`, or of a model in a .leyden file.

        Raises
        ------
        InputError
            The file cannot be read, holds no score, or a model that is no linear score of elements.
        ArtefactError
            The .leyden file is altered, or holds an unknown kind.
        """
        if str(path).endswith(".leyden"):
            return cls(**_arrays_of_model(path))
        try:
            with open(path, "rb") as file:
                plain = tomllib.load(file) if str(path).endswith(".toml") else json.load(file)
        except (OSError, ValueError) as error:
            raise InputError("a score cannot be read", value=str(error), file=path) from error
        try:
            return cls.from_dict(plain)
        except InputError as error:
            raise error.at(file=path) from error


def _arrays_of_model(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The linear score of a saved `leyden.models.conductors.ElementalClassifier`."""
    from leyden import artefact

    loaded = artefact.read(path)
    model = getattr(loaded, "model", loaded)
    remedy = "save a linear leyden.models.conductors.ElementalClassifier"
    if not hasattr(model, "element_score_arrays"):
        rule = "the model is no linear score of elements"
        raise InputError(rule, value=type(model).__name__, file=path, remedy=remedy)
    try:
        return model.element_score_arrays()
    except IncompatibleError as error:
        raise InputError(str(error).rstrip("."), file=path, remedy=remedy) from error
