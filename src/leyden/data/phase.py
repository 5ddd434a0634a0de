"""The phase: what is written of a material whose cell was measured and whose atoms were not placed.

Tables of measured conductivities tell composition, space group and lattice parameters of every
sample, and atomic positions of few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leyden.data.columns import find_column
from leyden.data.dataset import Dataset
from leyden.data.formulas import parse_composition
from leyden.errors import InputError

__all__ = ["Phase", "phases"]

_COLUMNS = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")


@dataclass(frozen=True)
class Phase:
    """A composition with the symmetry and the size of its unit cell.

    Attributes
    ----------
    formula : str
    space_group : int
        Number in the International Tables, 1 to 230.
    cell : (float, float, float, float, float, float)
        Lattice parameters a, b, c in angstrom and alpha, beta, gamma in degrees.
    contents : str
        Formula of all that the cell holds, such as ``"Li26.56La12Zr6.56Ta1.44O48"``. Amounts that
        are not whole tell of sites that are shared or partly empty.

    Raises
    ------
    InputError
        No such space group, a cell without volume, a formula that cannot be read.

    Examples
    --------
    >>> salt = Phase("LiCl", 225, (5.14, 5.14, 5.14, 90, 90, 90), contents="Li4Cl4")
    >>> salt.amounts, round(salt.volume_A3, 1)
    ({'Li': 4.0, 'Cl': 4.0}, 135.8)
    """

    formula: str
    space_group: int
    cell: tuple[float, float, float, float, float, float]
    contents: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cell", tuple(float(value) for value in self.cell))
        if not 1 <= self.space_group <= 230:
            raise InputError("a space group has a number from 1 to 230", value=self.space_group)
        if len(self.cell) != 6 or not min(self.cell) > 0 or not self.volume_A3 > 0:
            raise InputError("lattice parameters must span a volume", value=self.cell)
        parse_composition(self.formula)
        parse_composition(self.contents)

    @property
    def volume_A3(self) -> float:
        """Volume of the cell in cubic angstrom; NaN where the angles do not close."""
        a, b, c = np.cos(np.radians(self.cell[3:]))
        square = 1 - a * a - b * b - c * c + 2 * a * b * c
        return float(np.prod(self.cell[:3]) * np.sqrt(square)) if square > 0 else float("nan")

    @property
    def amounts(self) -> dict[str, float]:
        """Atoms of each element in the cell."""
        return {name: float(amount) for name, amount in parse_composition(self.contents).items()}


def phases(dataset: Dataset) -> Dataset:
    """A dataset of formulas whose extra columns tell the cell, as a dataset of phases.

    Parameters
    ----------
    dataset : Dataset
        Items are formulas; extra columns ``space_group``, ``a_A``, ``b_A``, ``c_A``, ``alpha_deg``,
        ``beta_deg``, ``gamma_deg`` and ``cell_contents`` (the formula of what the cell holds), as
        of ``load("obelix")``.

    Raises
    ------
    InputError
        A column is absent, or a row tells no cell; names the row by its id.
    """
    for column in (*_COLUMNS, "space_group", "cell_contents"):
        find_column(column, dataset.extra.columns, dataset.name)
    cells = dataset.extra[list(_COLUMNS)].to_numpy(dtype=float)
    beside = dataset.extra[["space_group", "cell_contents"]].itertuples(index=False)
    items = []
    for formula, cell, (group, contents), id in zip(
        dataset.items, cells, beside, dataset.ids, strict=True
    ):
        try:
            items.append(Phase(formula, int(group), tuple(cell.tolist()), str(contents)))
        except (InputError, ValueError) as error:
            told = error if isinstance(error, InputError) else InputError(str(error))
            raise told.at(file=dataset.name, row=str(id)) from error
    return replace(dataset, items=tuple(items), _root=None)
