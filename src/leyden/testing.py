"""Contract checks, and tiny synthetic materials with known answers: for our tests and for yours.

A representation, model or strategy of your own works with the rest of Leyden if its check passes:

>>> from leyden.testing import check_representation, tiny_crystals
>>> from leyden.representations import CrystalGraph
>>> check_representation(CrystalGraph(), tiny_crystals(6).items)

Each check raises `AssertionError` with the clause that was broken.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from leyden.data.dataset import Dataset
from leyden.data.disordered import DisorderedCrystal
from leyden.data.electrode import Electrode
from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.data.materials import Crystal
from leyden.errors import InputError, LeakageError
from leyden.representations import reads_disorder

__all__ = [
    "check_model",
    "check_representation",
    "check_strategy",
    "element_energy",
    "same_input",
    "tiny_crystals",
    "tiny_electrodes",
    "tiny_molecules",
    "tiny_transfer",
]

CATIONS = (3, 4, 11, 12, 13, 19, 20, 21, 22, 25, 26, 27, 28, 29, 30, 37, 38, 47, 55, 56)
ANIONS = (6, 7, 8, 9, 15, 16, 17, 33, 34, 35, 52, 53)
FCC = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
# name: cell in units of a, position of the anion, a in units of the bond length
PROTOTYPES = {
    "rock salt": (FCC, 0.5, 2.0),
    "caesium chloride": (np.eye(3), 0.5, 2 / np.sqrt(3)),
    "zinc blende": (FCC, 0.25, 4 / np.sqrt(3)),
}


def element_energy(numbers: np.ndarray) -> np.ndarray:
    """The made-up energy of an atom in eV: it follows no trend, so it must be seen to be known."""
    return -2.0 - np.sin(1.7 * np.asarray(numbers, float))


def tiny_crystals(n: int = 60, random_state: int = 0) -> Dataset:
    """Binary AB crystals in three prototypes, with made-up targets that are known exactly.

    Parameters
    ----------
    n : int
        How many, at most 720 (20 cations, 12 anions, 3 prototypes), drawn without repetition.
    random_state : int
        Seed of the draw and of the noise.

    Returns
    -------
    Dataset
        Targets ``energy_eV_per_atom`` (the mean of `element_energy` over the atoms),
        ``log10_modulus_GPa`` (0.5 - 0.6 energy: whoever knows the energy knows the modulus) and
        ``noise`` (standard normal: nothing can be learned); groups ``formula`` and ``prototype``.
    """
    total = len(CATIONS) * len(ANIONS) * len(PROTOTYPES)
    if not 0 < n <= total:
        raise InputError(f"n must lie in 1..{total}", value=n)
    generator = np.random.default_rng(random_state)
    names = list(PROTOTYPES)
    crystals, prototypes = [], []
    for draw in generator.permutation(total)[:n]:
        pair, which = divmod(int(draw), len(names))
        cation, anion = CATIONS[pair // len(ANIONS)], ANIONS[pair % len(ANIONS)]
        crystals.append(_binary(cation, anion, names[which]))
        prototypes.append(names[which])
    formulas = [crystal.formula for crystal in crystals]
    energy = np.array([element_energy(crystal.numbers).mean() for crystal in crystals])
    targets = {
        "energy_eV_per_atom": energy,
        "log10_modulus_GPa": 0.5 - 0.6 * energy,
        "noise": generator.standard_normal(n),
    }
    return Dataset(
        name="tiny-crystals",
        ids=np.array([f"{f}:{p}" for f, p in zip(formulas, prototypes, strict=True)]),
        items=tuple(crystals),
        targets=pd.DataFrame(targets),
        quantities={
            "energy_eV_per_atom": "energy",
            "log10_modulus_GPa": "elasticity",
            "noise": "noise",
        },
        groups=pd.DataFrame({"formula": formulas, "prototype": prototypes}, dtype=str),
    )


def tiny_electrodes(n: int = 24, random_state: int = 0) -> Dataset:
    """Electrodes of Li, Mg and Zn in turn, whose hosts are tiny crystals.

    Parameters
    ----------
    n, random_state : int
        As of `tiny_crystals`.

    Returns
    -------
    Dataset
        Target ``average_voltage_V``: the mean of `element_energy` over the host's atoms, plus 5,
        less 2 for Zn and less 1 for Mg. The discharged state has one ion more, in the widest gap
        of the host. Groups ``formula``, ``framework`` and ``working_ion``.
    """
    hosts = tiny_crystals(n, random_state)
    ions = [("Li", "Mg", "Zn")[i % 3] for i in range(n)]
    items = [Electrode(h, ion, _filled(h, ion)) for h, ion in zip(hosts.items, ions, strict=True)]
    penalty = {"Li": 0.0, "Mg": 1.0, "Zn": 2.0}
    energy = [float(element_energy(host.numbers).mean()) for host in hosts.items]
    voltage = [5 + e - penalty[ion] for e, ion in zip(energy, ions, strict=True)]
    formulas = hosts.groups["formula"].tolist()
    return Dataset(
        name="tiny-electrodes",
        ids=np.array([f"{name}:{ion}" for name, ion in zip(hosts.ids, ions, strict=True)]),
        items=tuple(items),
        targets=pd.DataFrame({"average_voltage_V": voltage}),
        quantities={"average_voltage_V": "energy"},
        groups=pd.DataFrame({"formula": formulas, "framework": formulas, "working_ion": ions}),
    )


def tiny_molecules(target: str = "clearing_temperature_C") -> Dataset:
    """Forty molecules of four homologous series, whose temperatures are known exactly.

    Each rigid core has a temperature of its own, and falls by 3 degrees a carbon of its chain.

    Parameters
    ----------
    target : str
        Name of the temperatures, in degrees Celsius. Those of another name than clearing have the
        same order and lie 40 degrees lower.

    Returns
    -------
    Dataset
        With the groups ``scaffold`` (the cores) and ``molecule``.
    """
    lower = 0.0 if target == "clearing_temperature_C" else 40.0
    rows = [
        (f"{'C' * length}{core}", 150.0 + 20.0 * place - 3.0 * length - lower)
        for place, core in enumerate(_CORES)
        for length in range(1, 11)
    ]
    table = pd.DataFrame(rows, columns=["smiles", target])
    return Dataset.from_table(table, target=target, name="tiny-molecules")


_CORES = (
    "c1ccc(-c2ccc(C#N)cc2)cc1",
    "c1cnc(-c2ccc(C#N)cc2)nc1",
    "OC(=O)c1ccc(C#N)cc1",
    "C1CCC(c2ccc(C#N)cc2)CC1",
)


def _filled(host: Crystal, ion: str) -> Crystal:
    """The host with one ion where it has most room."""
    grid = np.stack(np.meshgrid(*[np.arange(8) / 8] * 3), axis=-1).reshape(-1, 3)
    apart = grid[:, None] - host.frac
    distance = np.linalg.norm((apart - np.round(apart)) @ host.lattice, axis=-1).min(axis=1)
    numbers = np.append(host.numbers, ATOMIC_NUMBERS[ion])
    return Crystal(numbers, np.vstack([host.frac, grid[distance.argmax()]]), host.lattice)


def tiny_transfer(
    source_rows: int = 300, target_rows: int = 40, *, helps: bool = True, random_state: int = 0
) -> tuple[Dataset, Dataset]:
    """A source and a target, without a row in common, for which the worth of transfer is known.

    Parameters
    ----------
    source_rows, target_rows : int
        Together at most 720.
    helps : bool
        If true, the target is the modulus, a linear function of the source's energy; if not, it is
        noise, and a strategy that claims to gain from the source deceives itself.
    random_state : int
        Seed.

    Returns
    -------
    source, target : Dataset
    """
    everything = tiny_crystals(source_rows + target_rows, random_state)
    source, target = (
        everything.take(rows).alone()  # strangers to each other
        for rows in (slice(0, source_rows), slice(source_rows, None))
    )
    return (
        source.with_targets("energy_eV_per_atom"),
        target.with_targets("log10_modulus_GPa" if helps else "noise"),
    )


def check_representation(representation: Any, items: Sequence[Any]) -> None:
    """Check the contract of a representation on at least three valid items.

    It is a frozen dataclass with a `kind`; equal input gives equal output; rows stay in their
    order whatever the others are; the output has a length and can be cut by slices and integer
    arrays; an item that is none raises `InputError` with its row; one that reads disorder gives an
    ordered crystal the same in either form.
    """
    name = type(representation).__name__
    _require(len(items) >= 3, "the check needs three items")
    _require(isinstance(getattr(representation, "kind", None), str), f"{name} needs a `kind`")
    settings = getattr(type(representation), "__dataclass_params__", None)
    frozen = settings is not None and settings.frozen
    _require(frozen, f"{name} must be a frozen dataclass: its fields are its parameters")
    X = representation.transform(items)
    _require(len(X) == len(items), f"{name} must give one row an item")
    again = copy.deepcopy(representation).transform(list(items))
    _require(same_input(X, again), f"{name} must give equal output for equal input")
    order = np.random.default_rng(0).permutation(len(items))
    shuffled = representation.transform([items[i] for i in order])
    _require(
        same_input(X[order], shuffled, 1e-4), f"rows of {name} must not depend on the other rows"
    )
    one = representation.transform(items[1:2])
    _require(
        same_input(X[1:2], one, 1e-4), f"{name} must give a row alone what it gives it in company"
    )
    try:
        representation.transform([items[0], object()])
    except InputError as error:
        _require(error.row == 2, f"{name} must name the row of a bad item (got {error.row})")
    else:
        raise AssertionError(f"{name} must raise InputError for an item that is none")
    ordered = [item for item in items if isinstance(item, Crystal)]
    if reads_disorder(representation) and ordered:
        forms = representation.transform([DisorderedCrystal.from_crystal(item) for item in ordered])
        plain = representation.transform(ordered)
        _require(same_input(plain, forms, 1e-4), f"{name} must give both forms of a crystal alike")


def check_model(model: Any, X: Any, y: np.ndarray) -> None:
    """Check the contract of a model on represented items `X` and targets `y` (n,) or (n, t).

    `fit` returns the model, changes no constructor parameter and no data; equal seeds give equal
    results; predictions have the shape of `y`, and those of a row do not depend on its company;
    `embed` gives one vector a row; where the model has `config` and `state`, a copy rebuilt from
    them predicts the same.
    """
    name, y = type(model).__name__, np.asarray(y, float)
    before, kept = repr(model.get_params()), y.copy()
    fitted = clone(model)
    _require(fitted.fit(X, y) is fitted, f"{name}.fit must return the model")
    _require(repr(fitted.get_params()) == before, f"{name}.fit changed a constructor parameter")
    _require(np.array_equal(y, kept, equal_nan=True), f"{name}.fit changed its targets")
    predicted = fitted.predict(X)
    _require(predicted.shape == y.shape, f"{name} predicts {predicted.shape} for {y.shape}")
    _require(bool(np.isfinite(predicted).all()), f"{name} predicts what is not finite")
    again = clone(model).fit(X, y).predict(X)
    _require(np.array_equal(predicted, again), f"{name}: equal seeds must give equal results")
    order = np.random.default_rng(0).permutation(len(y))
    _close(fitted.predict(X[order]), predicted[order], f"{name}: a row must not depend on others")
    _close(fitted.predict(X[2:3]), predicted[2:3], f"{name}: a row must not need company")
    vectors = fitted.embed(X)
    _require(vectors.ndim == 2 and len(vectors) == len(y), f"{name}.embed must give (n, d)")
    if hasattr(fitted, "state"):
        settings = json.loads(json.dumps(fitted.config()))
        rebuilt = type(model).from_state(settings, fitted.state())
        _require(
            np.array_equal(rebuilt.predict(X), predicted),
            f"{name} rebuilt from its state must predict the same",
        )


def check_strategy(strategy: Any, dataset: Dataset) -> None:
    """Check the contract of a strategy on a target dataset of at least ten rows.

    `fit` returns the strategy and keeps `notes_`; a training part that holds a test row raises
    `LeakageError`; equal seeds give equal results; a dataset and its items are predicted alike, in
    any order.
    """
    name = type(strategy).__name__
    held_out = dataset.hold_out(np.arange(3))
    train, test = dataset.take(slice(3, None)), dataset.take(slice(0, 3))
    try:
        clone(strategy).fit(dataset, held_out=held_out)
    except LeakageError:
        pass
    else:
        raise AssertionError(f"{name} must refuse a training part that holds test rows")
    fitted = clone(strategy)
    _require(fitted.fit(train, held_out=held_out) is fitted, f"{name}.fit must return itself")
    _require(isinstance(fitted.notes_, dict), f"{name} must keep notes_ of its fit")
    predicted = fitted.predict(test)
    _require(predicted.shape == test.y.shape, f"{name} predicts {predicted.shape}")
    again = clone(strategy).fit(train, held_out=held_out).predict(test)
    _require(np.array_equal(predicted, again), f"{name}: equal seeds must give equal results")
    _close(fitted.predict(list(test.items)), predicted, f"{name}: items must do as well as rows")
    _close(fitted.predict(test.take([2, 0, 1])), predicted[[2, 0, 1]], f"{name}: order of rows")


def same_input(first: Any, second: Any, tolerance: float = 0.0) -> bool:
    """Whether two outputs of `transform` are equal: arrays, or dataclasses of arrays.

    `tolerance` is relative; networks round differently in another batch.
    """
    if dataclasses.is_dataclass(first):
        return type(first) is type(second) and all(
            same_input(getattr(first, field.name), getattr(second, field.name), tolerance)
            for field in dataclasses.fields(first)
        )
    first, second = np.asarray(first), np.asarray(second)
    if tolerance == 0.0 or first.dtype.kind != "f" or first.shape != second.shape:
        return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    scale = max(float(np.nanmax(np.abs(first), initial=0.0)), 1.0)
    return np.allclose(first, second, rtol=tolerance, atol=0.1 * tolerance * scale, equal_nan=True)


def _binary(cation: int, anion: int, prototype: str) -> Crystal:
    cell, position, scale = PROTOTYPES[prototype]
    bond = 1.8 + 0.01 * (cation + anion)  # angstrom
    return Crystal(
        numbers=np.array([cation, anion]),
        frac=np.array([[0.0, 0.0, 0.0], [position] * 3]),
        lattice=cell * scale * bond,
    )


def _require(condition: bool, clause: str) -> None:
    if not condition:
        raise AssertionError(clause)


def _close(found: np.ndarray, expected: np.ndarray, clause: str) -> None:
    scale = max(float(np.abs(expected).max()), 1.0)
    _require(bool(np.allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)), clause)
