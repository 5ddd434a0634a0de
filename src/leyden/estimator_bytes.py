"""scikit-learn and LightGBM estimators as bytes that run no code when they are read: skops, with a
fixed allow-list.

skops stores arrays as .npy and the rest as JSON, and refuses every type that is not trusted.  The
list below is what the regressors, transformers and kernels of scikit-learn need beyond what skops
trusts by itself; nothing on it opens files or runs what it is given.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

from leyden.errors import ArtefactError

__all__ = ["TRUSTED", "from_bytes", "to_bytes"]

TRUSTED = frozenset(
    {
        "collections.OrderedDict",
        "leyden.models.kernels.LaplaceRidge",
        "leyden.models.tanimoto.TanimotoProcess",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMModel",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "sklearn._loss._loss.CyAbsoluteError",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process.kernels.CompoundKernel",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.DotProduct",
        "sklearn.gaussian_process.kernels.Exponentiation",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.RationalQuadratic",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)

_MAX_BYTES = 8 * 2**30


def to_bytes(estimator: Any) -> bytes:
    """A fitted or unfitted estimator as bytes; equal estimators give equal bytes.

    Raises
    ------
    ArtefactError
        It holds something that is not on the allow-list, such as a function of the user's.
    """
    import skops.io

    try:
        data = skops.io.dumps(estimator)
    except Exception as error:  # skops raises what the objects raise
        raise ArtefactError(f"{type(estimator).__name__} cannot be saved: {error}") from error
    _check_trusted(data)
    return _canonical(data)


def from_bytes(data: bytes) -> Any:
    """The estimator that `to_bytes` saved.

    Raises
    ------
    ArtefactError
        The bytes name a type that is not on the allow-list.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
            raise ArtefactError("an estimator claims to be larger than a saved model can be.")
    _check_trusted(data)
    return skops.io.loads(data, trusted=sorted(TRUSTED))


def _check_trusted(data: bytes) -> None:
    import skops.io

    strange = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED)
    if strange:
        raise ArtefactError(
            f"{', '.join(strange)} is not on the list of types that a model file may hold. "
            "Remedy: use an estimator of scikit-learn, LightGBM or Leyden."
        )


def _canonical(data: bytes) -> bytes:
    """The same skops file with memory addresses renumbered in order and fixed dates."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    tree = json.loads(files.pop("schema.json"))
    numbers: dict[str, int] = {}
    fresh = iter(range(10**9, 2 * 10**9))

    def renumber(node: Any) -> None:
        if isinstance(node, list):
            for child in node:
                renumber(child)
        elif isinstance(node, dict):
            if isinstance(node.get("__id__"), int):
                # constants are shared by chance of the interpreter, and need not be
                shared = node.get("__loader__") != "JsonNode"
                known = numbers.get(str(node["__id__"])) if shared else None
                number = next(fresh) if known is None else known
                if shared:
                    numbers[str(node["__id__"])] = number
                node["__id__"] = number
            if isinstance(node.get("file"), str):
                node["file"] = _renamed(node["file"], numbers)
            for child in node.values():
                renumber(child)

    renumber(tree)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        named = {_renamed(name, numbers): content for name, content in files.items()}
        named["schema.json"] = json.dumps(tree).encode()
        for name, content in sorted(named.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _renamed(name: str, numbers: dict[str, int]) -> str:
    return re.sub(r"^\d+", lambda match: str(numbers[match.group()]), name)
