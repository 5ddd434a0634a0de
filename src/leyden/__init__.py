"""Leyden learns battery materials from little data.

>>> import leyden as ly
>>> ly.__version__
'0.1.0'

Importing the package loads nothing heavy: each name is brought in when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leyden import (
        data,
        dynamics,
        exploration,
        metrics,
        models,
        physics,
        representations,
        splits,
    )
    from leyden.chains import Chain, Step
    from leyden.data.catalog import card, cards, fetch, load
    from leyden.data.dataset import Dataset, HeldOut
    from leyden.data.materials import Crystal, IonPair, parse_crystal, parse_formula, parse_smiles
    from leyden.data.trajectory import Trajectory
    from leyden.data.trajectory_files import read_trajectory
    from leyden.distillation import Distill
    from leyden.errors import (
        ArtefactError,
        IncompatibleError,
        InputError,
        LeakageError,
        LeydenError,
        MissingExtraError,
    )
    from leyden.exploration.campaign import Campaign
    from leyden.predictor import Predictor
    from leyden.selection import Best
    from leyden.source_search import SourceSearch
    from leyden.transfer import (
        FineTune,
        FromScratch,
        FrozenEmbedding,
        Pooled,
        Residual,
        SourceAsIs,
    )
    from leyden.validation import Evaluation, compare, evaluate
    from leyden.varying_columns import VaryingColumns

__version__ = "0.1.0"

_HOMES: dict[str, tuple[str, ...]] = {
    "leyden.chains": ("Chain", "Step"),
    "leyden.data.catalog": ("card", "cards", "fetch", "load"),
    "leyden.data.dataset": ("Dataset", "HeldOut"),
    "leyden.data.materials": (
        "Crystal",
        "IonPair",
        "parse_crystal",
        "parse_formula",
        "parse_smiles",
    ),
    "leyden.data.trajectory": ("Trajectory",),
    "leyden.data.trajectory_files": ("read_trajectory",),
    "leyden.distillation": ("Distill",),
    "leyden.errors": (
        "ArtefactError",
        "IncompatibleError",
        "InputError",
        "LeakageError",
        "LeydenError",
        "MissingExtraError",
    ),
    "leyden.exploration.campaign": ("Campaign",),
    "leyden.predictor": ("Predictor",),
    "leyden.selection": ("Best",),
    "leyden.source_search": ("SourceSearch",),
    "leyden.transfer": (
        "FineTune",
        "FromScratch",
        "FrozenEmbedding",
        "Pooled",
        "Residual",
        "SourceAsIs",
    ),
    "leyden.validation": ("Evaluation", "compare", "evaluate"),
    "leyden.varying_columns": ("VaryingColumns",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_ROOMS = (
    "data",
    "dynamics",
    "exploration",
    "metrics",
    "models",
    "physics",
    "representations",
    "splits",
)

__all__ = [
    "ArtefactError",
    "Best",
    "Campaign",
    "Chain",
    "Crystal",
    "Dataset",
    "Distill",
    "Evaluation",
    "FineTune",
    "FromScratch",
    "FrozenEmbedding",
    "HeldOut",
    "IncompatibleError",
    "InputError",
    "IonPair",
    "LeakageError",
    "LeydenError",
    "MissingExtraError",
    "Pooled",
    "Predictor",
    "Residual",
    "SourceAsIs",
    "SourceSearch",
    "Step",
    "Trajectory",
    "VaryingColumns",
    "__version__",
    "card",
    "cards",
    "compare",
    "data",
    "dynamics",
    "evaluate",
    "exploration",
    "fetch",
    "load",
    "metrics",
    "models",
    "parse_crystal",
    "parse_formula",
    "parse_smiles",
    "physics",
    "read_trajectory",
    "representations",
    "splits",
]


def __getattr__(name: str) -> Any:
    """Bring in a public name on first use (PEP 562)."""
    if name in _ROOMS:
        return importlib.import_module(f"leyden.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'leyden' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
