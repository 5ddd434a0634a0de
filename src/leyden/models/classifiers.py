"""Classes instead of values: scikit-learn classifiers on a representation that gives vectors.

The structural model of Li conduction (sML) is one of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone

from leyden.errors import IncompatibleError

__all__ = ["PUBLISHED_COEFFICIENTS", "VectorClassifier", "published_log_odds", "structural_models"]

PUBLISHED_COEFFICIENTS = (0.184, -4.009, -0.467, 8.699, -2.170)
"""Coefficients of the descriptors of `StructuralDescriptors`, in their order, in the published
logistic regression on 40 compounds (A. D. Sendek et al., Energy Environ. Sci. 10, 306 (2017),
eq. 11, doi 10.1039/C6EE02697D)."""

PUBLISHED_INTERCEPT = -6.564
"""Constant of the same equation."""


def published_log_odds(X: np.ndarray) -> np.ndarray:
    """Log odds of good conduction by the published model, shape (n,).

    The article was not at hand; the numbers are those of its equation 11 as quoted by others. They
    agree with the quoted coefficients of standardised descriptors (its table 2), and give the
    printed probabilities of LiCl, LiBr, Li2MgBr4, LiAsS2, K2LiGaAs2, KLiS, RbLiS, KLiTe and
    Li15Ge4 within 0.002 from Materials Project structures.

    Parameters
    ----------
    X : ndarray, shape (n, 5)
        As `StructuralDescriptors` gives them, for Li.
    """
    return np.asarray(X, float) @ np.array(PUBLISHED_COEFFICIENTS) + PUBLISHED_INTERCEPT


class VectorClassifier(BaseEstimator):
    """A scikit-learn classifier, one clone a target, on a representation that gives vectors.

    Parameters
    ----------
    representation : Representation
        Its `transform` gives an array of shape (n, d).
    classifier : scikit-learn classifier or pipeline
        Cloned for each target, which is 0, 1 or, where it is not known, NaN.
    random_state : int
        Given to whatever in the classifier has a parameter of this name.
    """

    kind: ClassVar[str] = "vector_classifier"

    def __init__(self, representation: Any, classifier: Any, random_state: int = 0) -> None:
        self.representation = representation
        self.classifier = classifier
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, *, groups: np.ndarray | None = None
    ) -> VectorClassifier:
        """Fit on vectors `X` (n, d) and classes `y` (n,) or (n, t); `groups` is not used.

        Raises
        ------
        IncompatibleError
            A target that is neither 0 nor 1, or training rows of one class only.
        """
        X, y = np.asarray(X, float), np.asarray(y, float)
        self.one_target_ = y.ndim == 1
        self.classifiers_ = []
        for column in y.reshape(len(y), -1).T:
            known = np.isfinite(column)
            if not np.isin(column[known], (0, 1)).all():
                raise IncompatibleError(
                    "a class is 0 or 1. Remedy: make labels, as with leyden.data.good_conductor."
                )
            if len(np.unique(column[known])) < 2:
                raise IncompatibleError("the training rows must have both classes")
            fresh = clone(self.classifier)
            seeds = [key for key in fresh.get_params() if key.split("__")[-1] == "random_state"]
            fresh.set_params(**dict.fromkeys(seeds, self.random_state))
            self.classifiers_.append(fresh.fit(X[known], column[known].astype(int)))
        return self

    def decision(self, X: np.ndarray) -> np.ndarray:
        """Decision values, shape (n,) or (n, t): positive for class 1.

        A distance from the hyperplane for a support vector machine, log odds for a logistic
        regression and for whatever gives probabilities only.
        """
        columns = [_decision(classifier, np.asarray(X, float)) for classifier in self.classifiers_]
        return columns[0] if self.one_target_ else np.stack(columns, axis=1)

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Probability of class 1, shape (n,) or (n, t); 0.5 is the boundary.

        1 / (1 + exp(-decision)): the model's own probability where it has one; for a support
        vector machine in the order of its decisions, but not calibrated. The spread is NaN: it is
        not known.
        """
        decision = self.decision(X)
        probability = np.exp(-np.logaddexp(0.0, -decision))
        return (probability, np.full_like(probability, np.nan)) if return_std else probability

    def embed(self, X: np.ndarray) -> np.ndarray:
        """The vectors themselves: what the distance to the training data is measured in."""
        return np.asarray(X, float)


def structural_models(
    class_weight: str | None = None, random_state: int = 0
) -> dict[str, VectorClassifier]:
    """The structural model of conduction (sML): linear classifiers on five descriptors.

    Parameters
    ----------
    class_weight : {None, "balanced"}
        ``"balanced"`` weighs the classes alike; the published models do not.
    random_state : int
        Seed.

    Returns
    -------
    dict of str to VectorClassifier
        "SVM", the linear support vector machine of E. D. Cubuk, A. D. Sendek, E. J. Reed, J. Chem.
        Phys. 150, 214701 (2019), and "logistic", the regression of Sendek et al. (2017), which has
        no penalty; here a weak one keeps it finite where the classes can be parted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from leyden.representations.structural_descriptors import StructuralDescriptors

    classifiers = {
        "SVM": SVC(kernel="linear", class_weight=class_weight),
        "logistic": LogisticRegression(C=100.0, class_weight=class_weight, max_iter=1000),
    }
    return {
        name: VectorClassifier(
            StructuralDescriptors(), make_pipeline(StandardScaler(), classifier), random_state
        )
        for name, classifier in classifiers.items()
    }


def _decision(classifier: Any, X: np.ndarray) -> np.ndarray:
    if hasattr(classifier, "decision_function"):
        return np.asarray(classifier.decision_function(X), float)
    probability = np.clip(classifier.predict_proba(X)[:, 1], 1e-12, 1 - 1e-12)
    return np.log(probability) - np.log1p(-probability)
