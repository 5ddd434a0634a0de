"""The parts of a recipe: a kind and its parameters, and the live object that they name.

Which parameters a kind takes is read from the signature of its class, so that no list of them is
kept here.
"""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leyden.artefact import KINDS
from leyden.errors import InputError, did_you_mean

__all__ = ["Part", "build", "check_key", "expanded", "kinds", "spelled"]

_STRATEGIES = {
    "best": "leyden.selection:Best",
    "blend": "leyden.selection:Blend",
    "fine-tune": "leyden.transfer:FineTune",
    "from-scratch": "leyden.transfer:FromScratch",
    "frozen-embedding": "leyden.transfer:FrozenEmbedding",
    "pooled": "leyden.transfer:Pooled",
    "source-as-is": "leyden.transfer:SourceAsIs",
    "source-search": "leyden.source_search:SourceSearch",
    "varying-columns": "leyden.varying_columns:VaryingColumns",
}
_SPLITS = {
    "group-k-fold": "leyden.splits:GroupKFold",
    "k-fold": "leyden.splits:KFold",
    "taught": "leyden.splits:Taught",
    "learning-curve": "leyden.splits:LearningCurve",
    "leave-one-group-out": "leyden.splits:LeaveOneGroupOut",
    "leave-one-out": "leyden.splits:LeaveOneOut",
    "random-splits": "leyden.splits:RandomSplits",
}
_ENSEMBLE = "leyden.models.ensembles:Ensemble"

#: Parameters whose values are parts themselves, and of what section.
_NESTED = {
    "alongside": "representation",
    "base": "split",
    "classifier": "classifier",
    "ion": "representation",
    "model": "model",
    "part": "representation",
    "parts": "representation",
    "regressor": "regressor",
    "representation": "representation",
    "strategies": "strategy",
    "strategy": "strategy",
}
#: Parameters that the recipe fills from its other sections.
_FILLED = {"model": "model", "representation": "representation", "group": "group"}


@dataclass(frozen=True)
class Part:
    """A kind and its parameters.

    Attributes
    ----------
    kind : str
        Words joined by hyphens: ``"crystal-graph-network"``.
    parameters : mapping
        Values of TOML; parts where the parameter takes an object.
    """

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_table(cls, table: Any, section: str) -> Part:
        """Part of a TOML table; a text is a kind without parameters."""
        if isinstance(table, str):
            table = {"kind": table}
        if not isinstance(table, Mapping):
            raise InputError(f"[{section}] is a table", value=table)
        if "kind" not in table and section != "ensemble":
            raise InputError(
                f"[{section}] needs a kind", remedy=f"choose from {', '.join(kinds(section))}"
            )
        kind = spelled(str(table.get("kind", "ensemble")))
        check_key(kind, kinds(section), f"[{section}] knows no such kind")
        values = {key: value for key, value in table.items() if key != "kind"}
        texts = {key for key, value in _defaults(section, kind).items() if isinstance(value, str)}
        return cls(
            kind,
            {
                key: value if key in texts and isinstance(value, str) else _nested(key, value)
                for key, value in values.items()
            },
        )


def kinds(section: str) -> list[str]:
    """The kinds that a section offers."""
    return sorted(_places(section))


def build(part: Part, section: str, context: Mapping[str, Any]) -> Any:
    """The live object of a part.

    Parameters
    ----------
    part : Part
    section : str
    context : mapping
        ``seed``, and what fills parameters that are not given: ``model``, ``representation``,
        ``group``, ``sources``.
    """
    place = _places(section)[part.kind]
    given = {key: _live(key, value, context) for key, value in part.parameters.items()}
    if not isinstance(place, str):
        return _build_classical(place, part, section, given, context)
    cls = _resolve(place)
    names = _parameters(cls)
    for name, source in _FILLED.items():
        if name in names and name not in given and context.get(source) is not None:
            given[name] = context[source]
    if "random_state" in names:
        given.setdefault("random_state", context["seed"])
    if "source" in names:
        given["source"] = _chained(_sources(given.get("source"), context), section, part.kind)
    if isinstance(given.get("decided_by"), str) and given["decided_by"] != "target":
        decider = _sources(given["decided_by"], context)
        given["decided_by"] = getattr(decider, "source", decider)
    if "sources" in names:
        given["sources"] = _named(_sources(given.get("sources"), context))
    missing = [
        name
        for name, p in names.items()
        if p.default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        raise InputError(f"[{section}] {part.kind} needs {', '.join(missing)}")
    return cls(**given)


def expanded(part: Part, section: str, seed: int) -> dict[str, Any]:
    """The table of a part with the defaults of its class; checks every key.

    Raises
    ------
    InputError
        A key that the class does not take, or a value of another type than the default's.
    """
    defaults = _defaults(section, part.kind)
    table: dict[str, Any] = {"kind": part.kind}
    for key, value in part.parameters.items():
        check_key(key, list(defaults), f"[{section}] {part.kind} has no key of this name")
        _check_type(section, key, value, defaults[key])
    for key, default in defaults.items():
        if key == "random_state" and key not in part.parameters:
            table[key] = seed
        elif key in part.parameters:
            table[key] = _text(key, part.parameters[key], seed)
        elif _is_plain(default):
            table[key] = default
    return table


def _defaults(section: str, kind: str) -> dict[str, Any]:
    """The parameters of a kind and their defaults, None where there is none."""
    place = _places(section)[kind]
    if isinstance(place, str):
        return {
            name: None if p.default is inspect.Parameter.empty else p.default
            for name, p in _parameters(_resolve(place)).items()
        }
    own = _last_step(place()).get_params(deep=False)
    return {"representation": None, **own} if section == "model" else own


def _places(section: str) -> dict[str, Any]:
    """Kind to the place of its class, or to a function that makes a classical learner."""
    if section == "strategy":
        return dict(_STRATEGIES)
    if section == "split":
        return dict(_SPLITS)
    if section == "ensemble":
        return {"ensemble": _ENSEMBLE}
    if section == "regressor":
        return _regressors()
    if section == "classifier":
        return _classifiers()
    room = {"representation": "leyden.representations", "model": "leyden.models"}[section]
    found: dict[str, Any] = {
        spelled(kind): place
        for kind, place in KINDS.items()
        if place.startswith(room) and kind not in _NOT_FOR_RECIPES
    }
    return {**found, **_regressors()} if section == "model" else found


#: Made by strategies and ensembles, never by hand.
_NOT_FOR_RECIPES = {"average", "ensemble", "network_embedding", "side_by_side"}


def _regressors() -> dict[str, Any]:
    from leyden.models.vectors import baselines

    return {
        spelled(name): lambda model=model: model.regressor for name, model in baselines().items()
    }


def _classifiers() -> dict[str, Any]:
    from leyden.models.classifiers import structural_models

    return {
        spelled(name): lambda model=model: model.classifier
        for name, model in structural_models().items()
    }


def _build_classical(
    make: Any, part: Part, section: str, given: dict[str, Any], context: Mapping[str, Any]
) -> Any:
    """A classical learner by its name; as a model, together with a representation."""
    from sklearn.base import clone

    from leyden.models.vectors import VectorRegressor
    from leyden.representations.composition import CompositionStatistics

    representation = given.pop("representation", None) or context.get("representation")
    learner = clone(make())
    _last_step(learner).set_params(**given)
    if section != "model":
        return learner
    return VectorRegressor(representation or CompositionStatistics(), learner, context["seed"])


def _last_step(regressor: Any) -> Any:
    return regressor[-1] if hasattr(regressor, "steps") else regressor


def _live(key: str, value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, Part):
        return build(value, _NESTED[key], context)
    if isinstance(value, tuple):
        return tuple(_live(key, item, context) for item in value)
    if isinstance(value, Mapping):
        return {name: _live(key, item, context) for name, item in value.items()}
    return value


def _nested(key: str, value: Any) -> Any:
    """Tables as parts, where the parameter takes objects."""
    if isinstance(value, list):
        return tuple(_nested(key, item) for item in value)
    if key not in _NESTED or not isinstance(value, Mapping | str):
        return value
    if key == "strategies" and isinstance(value, Mapping):
        return {name: Part.from_table(table, "strategy") for name, table in value.items()}
    return Part.from_table(value, _NESTED[key])


def _text(key: str, value: Any, seed: int) -> Any:
    """The inverse of `_nested`, expanded."""
    if isinstance(value, Part):
        return expanded(value, _NESTED[key], seed)
    if isinstance(value, tuple):
        return [_text(key, item, seed) for item in value]
    if isinstance(value, Mapping):
        return {name: _text(key, item, seed) for name, item in value.items()}
    return value


def _sources(names: Any, context: Mapping[str, Any]) -> Any:
    """The datasets or steps of section [source]: all, or those of these names."""
    sources = context.get("sources", [])
    if names is not None:
        wanted = [names] if isinstance(names, str) else list(names)
        known = {source.name: source for source in sources}
        for name in wanted:
            check_key(name, list(known), "there is no such source")
        sources = [known[name] for name in wanted]
    if not sources:
        raise InputError("this strategy transfers from a source", remedy="add a section [[source]]")
    return sources[0] if len(sources) == 1 else sources


def _named(sources: Any) -> dict[str, Any]:
    """Sources by name; of several tables of one data set each with what it teaches."""
    from leyden.chains import Step

    several = sources if isinstance(sources, list) else [sources]
    times = Counter(source.name for source in several)
    named = {}
    for source in several:
        dataset = source.source if isinstance(source, Step) else source
        targets = ", ".join(dataset.targets.columns)
        named[f"{source.name}, {targets}" if times[source.name] > 1 else source.name] = source
    if len(named) < len(several):
        raise InputError("a source stands twice in the recipe", value=", ".join(times))
    return named


def _chained(sources: Any, section: str, kind: str) -> Any:
    """The sources as they are, or as a chain where one is learned in a way of its own."""
    from leyden.chains import Chain, Step

    several = sources if isinstance(sources, list) else [sources]
    if not any(isinstance(source, Step) for source in several):
        return sources
    if kind != "fine-tune":
        raise InputError(
            f"[{section}] {kind} learns every source by the settings of the model",
            remedy="leave out settings and train of the sources, or take fine-tune",
        )
    return Chain(several)


def _resolve(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _parameters(cls: Any) -> dict[str, inspect.Parameter]:
    return {
        name: parameter
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
    }


def _check_type(section: str, key: str, value: Any, default: Any) -> None:
    """A text where a number is expected, and the like; an integer may stand for a fraction."""
    number = (int, float)
    wanted = {bool: bool, int: number, float: number, str: (str, Part)}.get(type(default))
    if wanted is None:
        return
    if not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool):  # type: ignore
        raise InputError(f"[{section}] {key} is a {type(default).__name__}", value=value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) and item is not None for item in value)
    return isinstance(value, bool | int | float | str)


def spelled(name: str) -> str:
    """A kind as recipes spell it: ``"random forest"`` is ``"random-forest"``."""
    return name.lower().replace("_", "-").replace(" ", "-")


def check_key(key: str, known: list[str], rule: str) -> None:
    """Raise `InputError` with what was meant, if `key` is not known."""
    if key not in known:
        raise InputError(rule, value=key, remedy=did_you_mean(key, known))
