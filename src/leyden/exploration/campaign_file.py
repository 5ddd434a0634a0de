"""A campaign described in TOML: what may be changed, what is wanted, what evaluates it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from leyden.errors import InputError, did_you_mean
from leyden.exploration.evaluators import CONDUCTIVITY, Command, PolymerSimulation
from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace

__all__ = ["CampaignPlan", "polymer_plan", "read_plan"]

_SECTIONS = ("parameters", "objectives", "constraints", "command", "polymer")
_SETTINGS = {"method": str, "initial": int, "random_state": int, "task": str}


@dataclass(frozen=True)
class CampaignPlan:
    """What a campaign is made of.

    Attributes
    ----------
    space : SearchSpace
    objectives : tuple of Objective
    evaluator : PolymerSimulation or Command or None
        None for a laboratory.
    settings : dict
        ``method``, ``initial``, ``random_state`` and ``task``, where they are given.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    evaluator: PolymerSimulation | Command | None
    settings: dict[str, Any]


def polymer_plan(space: str, production_ns: float) -> CampaignPlan:
    """The built-in simulator in one of its published search spaces."""
    simulation = PolymerSimulation(space, production_ns)
    return CampaignPlan(
        simulation.search_space(), (CONDUCTIVITY,), simulation, {"task": simulation.task}
    )


def read_plan(path: Path) -> CampaignPlan:
    """The plan in a TOML file.

    Tables are ``[parameters.NAME]`` and ``[objectives.NAME]`` with the attributes of `Parameter`
    and `Objective`, ``[[constraints]]``, and ``[command]`` or ``[polymer]``; keys before them are
    ``method``, ``initial``, ``random_state`` and ``task``.

    Raises
    ------
    InputError
        A file that cannot be read; an unknown key, with the nearest known one; what the parts
        themselves refuse.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"the campaign cannot be read: {reason}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the campaign is not TOML: {error}", file=path) from error
    try:
        return _plan(given, path.parent.absolute())
    except InputError as error:
        raise error.at(file=error.file or path) from error


def _plan(given: Mapping[str, Any], folder: Path) -> CampaignPlan:
    _check_keys(given, [*_SETTINGS, *_SECTIONS], "a campaign")
    settings = {name: given[name] for name in _SETTINGS if name in given}
    for name, value in settings.items():
        if not isinstance(value, _SETTINGS[name]) or isinstance(value, bool):
            raise InputError(f"{name} is a {_WORDS[_SETTINGS[name]]}", value=value)
    if "command" in given and "polymer" in given:
        raise InputError("a campaign has [command] or [polymer], not both")
    parameters = tuple(
        _made(Parameter, {"name": name, **part}, f"[parameters.{name}]")
        for name, part in _tables(given, "parameters").items()
    )
    objectives = tuple(
        _made(Objective, {"name": name, **part}, f"[objectives.{name}]")
        for name, part in _tables(given, "objectives").items()
    )
    constraints = tuple(
        _made(Constraint, part, "[[constraints]]") for part in given.get("constraints", ())
    )
    evaluator: PolymerSimulation | Command | None = None
    if "polymer" in given:
        simulation: PolymerSimulation = _made(PolymerSimulation, given["polymer"], "[polymer]")
        evaluator = simulation
        parameters = parameters or simulation.search_space().parameters
        objectives = objectives or (CONDUCTIVITY,)
        settings.setdefault("task", simulation.task)
    elif "command" in given:
        command: Command = _made(Command, given["command"], "[command]")
        evaluator = replace(command, working_folder=str(folder / command.working_folder))
    for name, parts in (("parameters", parameters), ("objectives", objectives)):
        if not parts:
            raise InputError(f"the campaign has no {name}", remedy=f"write [{name}.NAME]")
    space = SearchSpace(parameters, constraints)
    if evaluator is not None:
        evaluator.check(space, objectives)
    return CampaignPlan(space, objectives, evaluator, settings)


_WORDS = {str: "text", int: "whole number"}


def _tables(given: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    """The tables of a section, by name."""
    tables = _table(given, section)
    for name, part in tables.items():
        if not isinstance(part, Mapping):
            raise InputError(
                f"[{section}] has a table for each name",
                value=name,
                remedy=f"write [{section}.{name}]",
            )
        if "name" in part:
            raise InputError(
                f"the name of [{section}.{name}] stands in its heading", value=part["name"]
            )
    return {str(name): dict(part) for name, part in tables.items()}


def _table(given: Mapping[str, Any], section: str) -> dict[str, Any]:
    table = given.get(section, {})
    if not isinstance(table, Mapping):
        raise InputError(f"[{section}] is a table", value=table)
    return dict(table)


def _made(kind: Any, values: Any, where: str) -> Any:
    """An object of its keys."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where} is a table", value=values)
    _check_keys(values, [field.name for field in fields(kind)], where)
    try:
        return kind(**values)
    except (TypeError, AttributeError) as error:  # a key is missing, or of another type
        raise InputError(f"{where} cannot be read: {error}", value=dict(values)) from error


def _check_keys(given: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in given:
        if key not in known:
            raise InputError(
                f"{where} has no key of this name", value=key, remedy=did_you_mean(key, known)
            )
