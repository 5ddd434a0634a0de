"""What a universal interatomic potential knows of a crystal, as a vector.

CHGNet: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023). It was trained on relaxation paths of the
Materials Project, so it may have seen whatever a test holds out.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any, ClassVar

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.errors import InputError, MissingExtraError
from leyden.representations.cache import item_key, remembered_rows

__all__ = ["PotentialEmbedding", "PotentialEnergy"]

_WIDTH = 64
_STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "std": np.std,
    "min": np.min,
    "max": np.max,
}
_ROW = "chgnet energy, crystal, atoms"
_ROW_WIDTH = 1 + _WIDTH * (1 + len(_STATISTICS))


@dataclass(frozen=True)
class PotentialEmbedding:
    """Inner features of a pretrained potential: of the crystal, then statistics over its atoms.

    Attributes
    ----------
    name : {"chgnet"}
        The potential. Its weights come with its package (extra ``potentials``).
    statistics : tuple of str
        Some of mean, std, min, max: taken over the features of the atoms. Empty: the 64 features of
        the crystal alone.
    """

    kind: ClassVar[str] = "potential_embedding"
    may_have_seen_test: ClassVar[bool] = True

    name: str = "chgnet"
    statistics: tuple[str, ...] = ("mean", "std", "min", "max")

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", tuple(self.statistics))
        if self.name != "chgnet" or not set(self.statistics) <= _STATISTICS.keys():
            raise InputError(
                f"a potential embedding is of 'chgnet', with some of {', '.join(_STATISTICS)}",
                value=self,
            )

    def names(self) -> list[str]:
        """A name a column."""
        heads = ["crystal", *self.statistics]
        return [f"{self.name} {head} {i}" for head in heads for i in range(_WIDTH)]

    def transform(self, items: Sequence[Crystal]) -> np.ndarray:
        """Embeddings, shape (n, 64 (1 + statistics)), float64.

        Crystals are taken one by one: a batch is no faster on one thread, and would let a row
        depend, in its last bits, on its neighbours.

        Raises
        ------
        InputError
            An item is not a `Crystal`, or the potential has no graph for it; `row` counts from 1.
        MissingExtraError
            The potential is not installed.
        """
        return self._chosen(_evaluated(items))

    def of(self, dataset: Dataset) -> np.ndarray:
        """Embeddings of a data set, kept on disk row by row, so that a killed run goes on."""
        return self._chosen(_kept(dataset))

    def _chosen(self, rows: np.ndarray) -> np.ndarray:
        blocks = ["crystal", *_STATISTICS]
        starts = [1 + _WIDTH * blocks.index(name) for name in ("crystal", *self.statistics)]
        return np.hstack([rows[:, start : start + _WIDTH] for start in starts])


@dataclass(frozen=True)
class PotentialEnergy:
    """Energy of a crystal by a pretrained potential, in eV/atom, as it stands: nothing is relaxed.

    Attributes
    ----------
    name : {"chgnet"}
        The potential; its energies are those of corrected Materials Project entries.
    """

    kind: ClassVar[str] = "potential_energy"
    may_have_seen_test: ClassVar[bool] = True

    name: str = "chgnet"

    def names(self) -> list[str]:
        """A name a column."""
        return [f"{self.name} energy eV/atom"]

    def transform(self, items: Sequence[Crystal]) -> np.ndarray:
        """Energies, shape (n, 1), eV/atom; raises what `PotentialEmbedding.transform` raises."""
        return _evaluated(items)[:, :1]

    def of(self, dataset: Dataset) -> np.ndarray:
        """Energies of a data set, kept on disk row by row."""
        return _kept(dataset)[:, :1]


def _kept(dataset: Dataset) -> np.ndarray:
    return remembered_rows(
        f"{_ROW} {importlib.metadata.version('chgnet')}",
        [item_key(item) for item in dataset.items],
        lambda position: _evaluate(dataset.items[position], position + 1),
        _ROW_WIDTH,
    )


def _evaluated(items: Sequence[Crystal]) -> np.ndarray:
    rows = [_evaluate(item, row) for row, item in enumerate(items, start=1)]
    return np.array(rows).reshape(len(rows), _ROW_WIDTH)


def _evaluate(crystal: Any, row: int) -> np.ndarray:
    """Energy, features of the crystal, then each statistic of the features of its atoms."""
    if not isinstance(crystal, Crystal):
        raise InputError("a potential takes a Crystal", value=crystal, row=row)
    import torch

    model = _chgnet()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more threads are slower on small crystals, and sum otherwise
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = model.graph_converter(crystal.to_structure())
            found = model.predict_graph(
                graph, task="e", return_crystal_feas=True, return_atom_feas=True
            )
    except ValueError as error:
        raise InputError(
            f"chgnet makes no graph of this crystal ({error})",
            value=crystal.formula,
            row=row,
            remedy="leave the item out",
        ) from error
    finally:
        torch.set_num_threads(threads)
    pooled = [statistic(found["atom_fea"], axis=0) for statistic in _STATISTICS.values()]
    return np.concatenate([[float(found["e"])], found["crystal_fea"], *pooled]).astype(float)


@cache
def _chgnet() -> Any:
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            from chgnet.model import CHGNet

            model = CHGNet.load(use_device="cpu", verbose=False)
    except ImportError as error:
        raise MissingExtraError("chgnet", "potentials") from error
    # Without isolated atoms a crystal has an edge in each atom's reach, else the graph is refused.
    model.graph_converter.set_isolated_atom_response("error")
    return model
