"""The recipe: one description of a run, for Python, the command line and the web page.

A recipe is a TOML file::

    seed = 0

    [data]
    dataset = "elastic-tensor-2015"      # a name of the catalogue, or a file
    targets = ["log10_K_VRH_GPa", "log10_G_VRH_GPa"]
    group = "formula"

    [[source]]
    dataset = "flla-2015"
    targets = ["formation_energy_eV_per_atom"]

    [model]
    kind = "crystal-graph-network"
    epochs = 60

    [strategy]
    kind = "fine-tune"
    settings = { learning_rate = 1e-3 }

    [split]
    kind = "group-k-fold"
    repeats = 3

The keys of a part that has a `kind` are the parameters of its class, whose documentation tells
what they mean.  A key that does not exist raises, and says which one was meant.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from leyden.errors import InputError
from leyden.recipe.parts import Part, build, check_key, expanded, kinds, spelled
from leyden.recipe.sections import Calibration, Data, Evaluate, Source
from leyden.recipe.text import to_toml

__all__ = ["Calibration", "Data", "Evaluate", "Recipe", "Source"]


@dataclass(frozen=True)
class Recipe:
    """A run, described.

    Attributes
    ----------
    data : Data
    source : tuple of Source
        What the strategy may transfer from, in this order where it is a chain.
    representation : Part, optional
        Of models that are given none.
    model : Part
    ensemble : Part, optional
        If given, members of the model on random subsets stand for the model.
    strategy : Part
    split : Part, optional
        Default: five-fold by group, three repeats.
    evaluate : Evaluate
    calibration : Calibration
    seed : int
        `random_state` of every part that is given none.
    """

    data: Data
    source: tuple[Source, ...] = ()
    representation: Part | None = None
    model: Part = field(default_factory=lambda: Part("crystal-graph-network"))
    ensemble: Part | None = None
    strategy: Part = field(default_factory=lambda: Part("from-scratch"))
    split: Part | None = None
    evaluate: Evaluate = field(default_factory=Evaluate)
    calibration: Calibration = field(default_factory=Calibration)
    seed: int = 0
    folder: Path = field(default_factory=Path, compare=False, repr=False)

    PARTS: ClassVar[tuple[str, ...]] = ("representation", "model", "ensemble", "strategy", "split")

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """Read a TOML file.

        Raises
        ------
        InputError
            No such file, not TOML, or a section or key that does not exist.
        """
        path = Path(path)
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"the recipe cannot be read: {reason}", file=path) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"the recipe is not TOML: {error}", file=path) from error
        try:
            return cls.from_mapping(tables, folder=path.parent)
        except InputError as error:
            raise error.at(file=path) from error

    @classmethod
    def from_mapping(cls, tables: Mapping[str, Any], folder: str | Path = ".") -> Recipe:
        """The recipe of nested tables, all of its keys checked.

        Parameters
        ----------
        tables : mapping
            As `tomllib` gives it.
        folder : path
            What relative file names are relative to.
        """
        names = [f.name for f in fields(cls) if f.name != "folder"]
        _check_keys(tables, names, "the recipe")
        if "data" not in tables:
            raise InputError("a recipe needs a section [data]", remedy="see `leyden fit --help`")
        given: dict[str, Any] = {"data": _section(Data, tables["data"], "data")}
        sources = tables.get("source", [])
        given["source"] = tuple(
            _section(Source, source, "source")
            for source in (sources if isinstance(sources, list) else [sources])
        )
        for name in cls.PARTS:
            if name in tables:
                given[name] = Part.from_table(tables[name], name)
        if "evaluate" in tables:
            table = dict(tables["evaluate"])
            arms = _table(table.get("arms", {}), "evaluate.arms")
            parts = {arm: Part.from_table(part, "strategy") for arm, part in arms.items()}
            given["evaluate"] = _section(Evaluate, {**table, "arms": parts}, "evaluate")
        if "calibration" in tables:
            given["calibration"] = _section(Calibration, tables["calibration"], "calibration")
        given["seed"] = tables.get("seed", 0)
        if not isinstance(given["seed"], int) or isinstance(given["seed"], bool):
            raise InputError("the seed is an integer", value=given["seed"])
        recipe = cls(**given, folder=Path(folder))
        recipe.to_mapping()  # resolves every part, and so checks its keys
        return recipe

    def to_mapping(self) -> dict[str, Any]:
        """The expanded recipe: every default in its place, ready for TOML."""
        tables: dict[str, Any] = {"seed": self.seed, "data": self._data(self.data)}
        if self.source:
            tables["source"] = [self._data(source) for source in self.source]
        for name in self.PARTS:
            part = getattr(self, name)
            if part is not None:
                tables[name] = expanded(part, name, self.seed)
        arms = {name: expanded(part, "strategy", self.seed) for name, part in self.arms.items()}
        tables["evaluate"] = {**_plain(self.evaluate), "arms": arms}
        if isinstance(self.evaluate.baselines, tuple):
            for name in self.evaluate.baselines:
                check_key(name, kinds("regressor"), "[evaluate] there is no such baseline")
        tables["calibration"] = _plain(self.calibration)
        return tables

    @property
    def arms(self) -> dict[str, Part]:
        """The compared strategies: those of [evaluate], or the recipe's and from scratch."""
        own = {"from-scratch": Part("from-scratch"), self.strategy.kind: self.strategy}
        return dict(self.evaluate.arms) or own

    def _data(self, section: Data) -> dict[str, Any]:
        """A section as a table; a file by its full path, since the expanded recipe moves."""
        from leyden.recipe.data import own_table

        path = own_table(section.dataset, self.folder)
        return _plain(section if path is None else replace(section, dataset=str(path)))

    def to_toml(self) -> str:
        """The expanded recipe as TOML; reading it gives the same recipe."""
        return to_toml(self.to_mapping())

    def build(self) -> Run:
        """Load the data and make the live objects."""
        from leyden.chains import Step
        from leyden.recipe.data import load

        dataset, *sources = (load(part, self.folder) for part in (self.data, *self.source))
        steps = [
            Step(source, section.settings, section.train) if section.is_step else source
            for section, source in zip(self.source, sources, strict=True)
        ]
        return Run(self, dataset, steps)


class Run:
    """A recipe with its data: what `fit` and `evaluate` work with.

    Parameters
    ----------
    recipe : Recipe
    dataset : Dataset
    sources : list of Dataset or Step
    """

    def __init__(self, recipe: Recipe, dataset: Any, sources: list[Any]) -> None:
        self.recipe, self.dataset, self.sources = recipe, dataset, sources
        self._context: dict[str, Any] = {"seed": recipe.seed, "sources": sources}
        if recipe.representation is not None:
            part = build(recipe.representation, "representation", self._context)
            self._context["representation"] = part
        model = build(recipe.model, "model", self._context)
        if recipe.ensemble is not None:
            model = build(recipe.ensemble, "ensemble", {**self._context, "model": model})
        self._context["model"] = model

    @property
    def model(self) -> Any:
        """The model, or its ensemble; not fitted."""
        return self._context["model"]

    @property
    def strategy(self) -> Any:
        """The strategy; not fitted."""
        return build(self.recipe.strategy, "strategy", self._context)

    @property
    def split(self) -> Any:
        """The split, by group where the data have groups."""
        from leyden.splits import default_split

        group = self._group()
        if self.recipe.split is None:
            if group is None:
                return default_split(self.dataset, random_state=self.recipe.seed)
            part = Part("group-k-fold", {"repeats": 3})
        else:
            part = self.recipe.split
        return build(part, "split", {**self._context, "group": group})

    @property
    def calibration_split(self) -> Any:
        """One repeat of folds for the intervals, three such by what is known of ions, or None.

        Raises
        ------
        InputError
            Intervals by domain, and rows that are no ion pairs.
        """
        calibration, seed = self.recipe.calibration, self.recipe.seed
        if calibration.by == "domain":
            return self._domain_splits(calibration.folds, seed)
        if calibration.folds == 0:
            return None
        group = self._group()
        part = Part("k-fold" if group is None else "group-k-fold", {"n": calibration.folds})
        return build(part, "split", {**self._context, "group": group})

    def _domain_splits(self, folds: int, seed: int) -> tuple[Any, ...]:
        from leyden.ion_domain import pair_splits

        if missing := {"pair", "cation", "anion"} - set(self.dataset.groups.columns):
            raise InputError(
                "[calibration] by domain is for pairs of a cation and an anion",
                value=f"no {' and no '.join(sorted(missing))}",
                file=self.dataset.name,
                remedy='give columns cation and anion, or leave out by = "domain"',
            )
        return pair_splits(folds, seed)

    def arms(self) -> dict[str, Any]:
        """What is compared: strategies by name, and the classical baselines."""
        from leyden.models.vectors import baselines
        from leyden.recipe.data import vectors_of
        from leyden.transfer import FromScratch

        arms = {
            name: build(part, "strategy", self._context) for name, part in self.recipe.arms.items()
        }
        chosen = self.recipe.evaluate.baselines
        for name, model in baselines(vectors_of(self.dataset), self.recipe.seed).items():
            if chosen if isinstance(chosen, bool) else spelled(name) in chosen:
                arms.setdefault(name, FromScratch(model))
        return arms

    def _group(self) -> str | None:
        if self.recipe.data.group is not None:
            return self.recipe.data.group
        columns = list(self.dataset.groups.columns)
        return str(columns[0]) if columns else None


def _section(cls: Any, table: Any, name: str) -> Any:
    """A section without a `kind`, its keys and the kinds of its values checked."""
    table = _table(table, name)
    _check_keys(table, [f.name for f in fields(cls)], f"[{name}]")
    given = {}
    for f in fields(cls):
        if f.name not in table:
            if f.default is MISSING and f.default_factory is MISSING:
                raise InputError(f"[{name}] needs the key {f.name}")
            continue
        value = table[f.name]
        if f.name in ("targets", "censored") and isinstance(value, str):
            value = (value,)
        wanted = _WANTED[f.name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join(kind.__name__ for kind in wanted)
            raise InputError(f"[{name}] {f.name} is a {names}", value=value)
        given[f.name] = tuple(value) if isinstance(value, list) else value
    return cls(**given)


_WANTED: dict[str, tuple[type, ...]] = {
    "dataset": (str,),
    "targets": (list, tuple),
    "where": (dict,),
    "group": (str,),
    "id": (str,),
    "item": (str,),
    "censored": (list, tuple),
    "arms": (dict,),
    "baselines": (bool, list, tuple),
    "reference": (str,),
    "jobs": (int,),
    "folds": (int,),
    "level": (float, int),
    "by": (str,),
    "settings": (dict,),
    "train": (str, list, tuple),
}


def _table(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"[{name}] is a table", value=value)
    return dict(value)


def _check_keys(table: Iterable[str], known: Iterable[str], where: str) -> None:
    known = list(known)
    for key in table:
        check_key(key, known, f"{where} has no key of this name")


def _plain(section: Any) -> dict[str, Any]:
    """A section as a table, without what is absent."""
    values = {f.name: getattr(section, f.name) for f in fields(section)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != {}
    }
