"""The tables of the study `liquid-crystals`: whole, and cut to the sizes of the published ones.

The published tables of ionic liquid crystals cannot be had. Clearing and melting temperatures of
non-ionic liquid crystals stand in for them. As there, both tables are of the same compounds, of
which some have no clearing temperature: 230 molecules drawn from those that have both, and 41 of
which melting alone is known. 30 and 39 rows are of one family, as the ammonium salts are one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.dataset import Dataset
from leyden.data.transition_temperatures import one_row_each
from leyden.representations.fingerprints import Fingerprint, collisions

__all__ = [
    "CLEARING",
    "FEW",
    "MELTING",
    "MIXED",
    "OTHER_CLEARING",
    "OTHER_MELTING",
    "SIZES",
    "STAND_IN",
    "Tables",
    "collision_table",
    "tables",
]

CLEARING, MELTING = "clearing_temperature_C", "melting_point_C"
SIZES = {"clearing230": 230, "melting271": 271, "clearing30": 30, "melting39": 39}
"""Names of the published tables, and their rows."""

MIXED, FEW = ("clearing230", "melting271"), ("clearing30", "melting39")
OTHER_MELTING, OTHER_CLEARING = "LC melting, other molecules", "LC clearing, other molecules"

STAND_IN = (
    "The measured rows are of non-ionic liquid crystals, which stand in for the published ionic "
    "ones, whose table cannot be had."
)

_SEED = 0


@dataclass(frozen=True, eq=False)
class Tables:
    """What is learned from and what is learned.

    Attributes
    ----------
    clearing, melting : Dataset
        All liquid crystals, one row a molecule.
    ionic_liquids, organics : Dataset
        Melting points of ion pairs, and of organic molecules (salts left out); with the groups of
        the targets, so that their rows can be taken out of them.
    cut : mapping of str to Dataset
        The tables of `SIZES`; and of the size of the first two, of molecules that the target does
        not have, `OTHER_MELTING` and `OTHER_CLEARING`.
    merged : DataFrame
        What `one_row_each` said, with the name of the table.
    """

    clearing: Dataset
    melting: Dataset
    ionic_liquids: Dataset
    organics: Dataset
    cut: Mapping[str, Dataset]
    merged: pd.DataFrame

    @property
    def sources(self) -> dict[str, Dataset]:
        """What may teach, by name."""
        return {
            "IL melting": self.ionic_liquids,
            "LC melting": self.cut["melting271"],
            "LC clearing": self.cut["clearing230"],
            "organic melting": self.organics,
            OTHER_MELTING: self.cut[OTHER_MELTING],
            OTHER_CLEARING: self.cut[OTHER_CLEARING],
        }


def tables(rows: int | None = None) -> Tables:
    """All tables; with `rows`, the sources are cut to as many for a quick run.

    Raises
    ------
    InputError
        A data set is not in the data home.
    """
    found, said = {}, []
    for target in (CLEARING, MELTING):
        found[target], log = one_row_each(load("liquid-crystals", target=target))
        said.append(log)
    melting_points = load("il-melting")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedRowsWarning)  # two inorganic SMILES
        organics, log = one_row_each(load("organic-melting"))
    said.append(log.assign(target=organics.name))
    organics = _no_salts(organics)
    return Tables(
        found[CLEARING],
        found[MELTING],
        _spread(melting_points, rows),
        _spread(organics, rows),
        _cut(found[CLEARING], found[MELTING]),
        pd.concat(said, ignore_index=True),
    )


def _no_salts(molecules: Dataset) -> Dataset:
    """The molecules of one species each, which are therefore no pair of ions of another table."""
    alone = molecules.take(["." not in smiles for smiles in molecules.items]).alone()
    for group in ("pair", "cation", "anion"):
        alone = alone.with_group(group, ["no salt"] * len(alone))
    return alone


def collision_table(dataset: Dataset) -> pd.DataFrame:
    """How many molecules each kind of fingerprint cannot tell from another.

    Returns
    -------
    DataFrame
        ``fingerprint``, ``molecules`` (that share theirs), ``groups`` (of equals) and ``example``.
    """
    rows = []
    for name, fingerprint in _FINGERPRINTS.items():
        found = collisions(dataset.items, fingerprint)
        first = found[found["group"] == 0]["item"].head(2)
        rows.append((name, len(found), found["group"].nunique(), " = ".join(first)))
    return pd.DataFrame(rows, columns=["fingerprint", "molecules", "groups", "example"])


_FINGERPRINTS = {
    "ECFP4, bits": Fingerprint("morgan"),
    "ECFP4, counts": Fingerprint("morgan", counts=True),
    "MACCS, bits": Fingerprint("maccs"),
    "RDKit paths, bits": Fingerprint("rdkit"),
    "atom pairs, bits": Fingerprint("atom_pair"),
    "topological torsions, bits": Fingerprint("topological_torsion"),
    "atom pairs and torsions, bits (published)": Fingerprint(),
    "atom pairs and torsions, counts": Fingerprint(counts=True),
}


def _cut(clearing: Dataset, melting: Dataset) -> dict[str, Dataset]:
    """The four tables, and as large ones of other molecules, by which sources are controlled.

    Where both temperatures of a molecule are equal, one would tell the other itself: it is in none.
    """
    clears, melts = (part.groups["molecule"].to_numpy() for part in (clearing, melting))
    few, many = SIZES["clearing230"], SIZES["melting271"]
    at = dict(zip(melts, melting.y, strict=True))
    apart = [key in at and at[key] != y for key, y in zip(clears, clearing.y, strict=True)]
    cut = {"clearing230": _drawn(clearing, np.array(apart), few)}
    ours = cut["clearing230"].groups["molecule"]
    more = _drawn(melting, ~np.isin(melts, clears), many - few).groups["molecule"]
    cut["melting271"] = _drawn(melting, np.isin(melts, [*ours, *more]), many)
    known = cut["melting271"].groups["molecule"]
    cut[OTHER_MELTING] = _drawn(melting, ~np.isin(melts, ours), many)
    cut[OTHER_CLEARING] = _drawn(clearing, ~np.isin(clears, known), few)
    families = [cut[name].groups["scaffold"].value_counts() for name in MIXED]
    family = pd.concat(families, axis=1).min(axis=1, skipna=False).idxmax()
    for name, whole in zip(FEW, MIXED, strict=True):
        members = (cut[whole].groups["scaffold"] == family).to_numpy()
        cut[name] = _drawn(cut[whole], members, SIZES[name])
    return cut


def _spread(dataset: Dataset, rows: int | None) -> Dataset:
    """About so many rows from all over a dataset; all of them without a number."""
    step = 1 if rows is None else max(len(dataset) // rows, 1)
    return dataset.take(slice(None, None, step)).alone()


def _drawn(dataset: Dataset, rows: np.ndarray, size: int) -> Dataset:
    """So many of these rows (bool) at random, in their own order; all where there are fewer."""
    drawn = np.random.default_rng(_SEED).permutation(np.flatnonzero(rows))[:size]
    return dataset.take(np.sort(drawn)).alone()
