"""What evaluates the rows of a campaign without any code of the user's: a simulator, a command."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import signal
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leyden.errors import InputError, did_you_mean, shorten
from leyden.exploration.command import run_command
from leyden.exploration.search_space import Objective, Parameter, SearchSpace
from leyden.exploration.trial import EvaluationKilled, Trial

__all__ = ["CONDUCTIVITY", "Command", "PolymerSimulation", "evaluator_from_dict"]

CONDUCTIVITY = Objective("log10_lithium_conductivity_S_per_cm")
"""What the polymer simulation is explored for: log10 of the Nernst-Einstein conductivity."""

_FREE = ("id", "random_state", "folder", "trial")
"""Placeholders of a command beside its parameters."""
_TAIL_BYTES = 65536
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that a program does not get for its own mistakes."""


@dataclass(frozen=True)
class PolymerSimulation:
    """The coarse-grained polymer electrolyte of `leyden.simulators.polymer_electrolyte`.

    Attributes
    ----------
    space : str
        ``anion``, ``secondary site`` or ``backbone``.
    production_ns : float
        What is simulated after the relaxation.
    fixed : mapping of str to float
        Parameters that are not those of the reference, such as ``temperature_K``.
    compression_ns, relaxation_ns : float
        Before the production.

    Raises
    ------
    InputError
        No such space; too short a time; a fixed parameter that the simulator does not take.
    """

    space: str = "anion"
    production_ns: float = 2.0
    fixed: Mapping[str, float] = field(default_factory=dict)
    compression_ns: float = 0.4
    relaxation_ns: float = 0.2

    kind = "polymer"

    def __post_init__(self) -> None:
        from leyden.simulators.polymer_electrolyte import SEARCH_SPACES, PolymerElectrolyte
        from leyden.simulators.polymer_stages import Plan

        if self.space not in SEARCH_SPACES:
            remedy = did_you_mean(self.space, SEARCH_SPACES)
            raise InputError("not a search space of the polymer", value=self.space, remedy=remedy)
        Plan(self.production_ns, self.compression_ns, self.relaxation_ns)
        PolymerElectrolyte.at(**self.fixed)

    @property
    def task(self) -> str:
        """Label of its rows: how long a simulation is, and what is fixed otherwise."""
        changed = {**dict(sorted(self.fixed.items())), **self._settling()}
        fixed = [f"{name}={value:g}" for name, value in changed.items()]
        return ", ".join([f"{self.production_ns:g} ns", *fixed])

    def search_space(self) -> SearchSpace:
        """The published one, its epsilons on a logarithmic scale.

        The scale is ours: a change by a factor matters as much for a weak pair as for a strong one,
        and PEO-LiTFSI, whose epsilons are near the lower bounds, would else stand in a corner that
        random rows do not reach.
        """
        from leyden.simulators.polymer_electrolyte import SEARCH_SPACES

        def parameter(name: str, low: float, high: float) -> Parameter:
            if name.startswith("epsilon"):
                return Parameter(name, low, high, scale="log", unit="kcal/mol")
            return Parameter(name, low, high, unit="angstrom" if name.endswith("radius") else "")

        ranges = SEARCH_SPACES[self.space].items()
        return SearchSpace(tuple(parameter(name, low, high) for name, (low, high) in ranges))

    def check(self, space: SearchSpace, objectives: Sequence[Objective]) -> None:
        """Whether LAMMPS is there, and the whole space is one that the simulator takes.

        Raises
        ------
        MissingExtraError
        InputError
        """
        from leyden.simulators.lammps_run import lammps_versions
        from leyden.simulators.polymer_electrolyte import PolymerElectrolyte

        for name in [objective.name for objective in objectives]:
            if name != CONDUCTIVITY.name:
                raise InputError(
                    "not what the polymer simulation tells",
                    value=name,
                    remedy=f"name the objective {CONDUCTIVITY.name}",
                )
        for parameter in space.parameters:
            for bound in (parameter.low, parameter.high):
                PolymerElectrolyte.at(**{**self.fixed, parameter.name: bound})
        lammps_versions()

    def prepare(self) -> None:
        """Load what a simulation needs, which takes a second or two."""
        importlib.import_module("leyden.simulators.polymer_electrolyte")
        importlib.import_module("leyden.simulators.polymer_run")

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """Simulate; a glassy or phase-separated run gives an upper bound, other bad ones none.

        Raises
        ------
        EvaluationKilled
            LAMMPS was ended from outside; stages that were finished are not done again.
        """
        from leyden.simulators.polymer_electrolyte import PolymerElectrolyte

        run = PolymerElectrolyte.at(**{**self.fixed, **trial.parameters}).run(
            self.production_ns,
            random_state=trial.random_state,
            folder=trial.folder / "run",
            timeout_s=trial.timeout_s,
            compression_ns=self.compression_ns,
            relaxation_ns=self.relaxation_ns,
            progress=False,
        )
        if run.killed:
            raise EvaluationKilled(run.error)
        told: dict[str, Any] = {
            "outcome": str(run.outcome),
            "error": run.error,
            "cpu_seconds": run.cpu_seconds,
            "details": {**run.signs, **run.provenance},
        }
        try:
            found = run.conductivity()
            value, error = found.log10_S_per_cm, found.log10_error
        except ValueError as reason:  # no trajectory, or nothing has moved at all
            return told if run.error else {**told, "outcome": "no value", "error": str(reason)}
        name = CONDUCTIVITY.name
        told["details"]["beta"] = found.beta.value
        bound = "below" if found.is_upper_bound else ""
        return {**told, name: value, f"{name}_error": error, f"{name}_bound": bound}

    def to_dict(self) -> dict[str, Any]:
        """As plain values; the usual times before a production are not told."""
        told = {"space": self.space, "production_ns": self.production_ns, "fixed": dict(self.fixed)}
        return {"kind": self.kind, **told, **self._settling()}

    def _settling(self) -> dict[str, float]:
        """Times before the production that are not the usual ones."""
        usual = type(self).__dataclass_fields__
        return {
            name: float(getattr(self, name))
            for name in ("compression_ns", "relaxation_ns")
            if getattr(self, name) != usual[name].default
        }


@dataclass(frozen=True)
class Command:
    """A program that prints a JSON object with the value of each objective.

    Attributes
    ----------
    template : str
        Its words, with ``{NAME}`` for a parameter; also ``{id}``, ``{random_state}``, ``{folder}``
        (its own, kept when it is killed) and ``{trial}`` (a JSON file of all parameters). A
        format may be given, ``{x:.3f}``. No shell sees it.
    working_folder : str
        Where it runs.

    Raises
    ------
    InputError
        A template that cannot be read.
    """

    template: str
    working_folder: str = "."

    kind = "command"

    def __post_init__(self) -> None:
        self._words()

    def check(self, space: SearchSpace, objectives: Sequence[Objective]) -> None:
        """Whether the program is there and every placeholder is known, and every parameter used.

        Raises
        ------
        InputError
        """
        used = set()
        known = [*space.names, *_FREE]
        for _, name, form, conversion in string.Formatter().parse(self.template):
            if name is None:
                continue
            if name not in known:
                raise InputError(
                    "the command names no parameter so",
                    value="{" + name + "}",
                    remedy=did_you_mean(name, known),
                )
            if conversion or "{" in (form or ""):
                raise InputError("a placeholder is {name} or {name:format}", value=name)
            used.add(name)
        left = [name for name in space.names if name not in used]
        if left and "trial" not in used:
            raise InputError(
                "a parameter does not reach the command",
                value=left[0],
                remedy=f"write {{{left[0]}}} into it, or {{trial}}, a JSON file of all of them",
            )
        some = space.random(1, 0)
        stand_ins = {"id": 1, "random_state": 0, "folder": "folder", "trial": "trial.json"}
        self._filled({**{name: some[name].iloc[0] for name in space.names}, **stand_ins})
        program = self._words()[0]
        if "{" not in program and self._program(program) is None:
            raise InputError(
                "there is no such program", value=program, remedy="give its whole path"
            )

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """Run it; what went wrong is in the outcome.

        Raises
        ------
        EvaluationKilled
            It was ended from outside.
        """
        described = trial.folder / "trial.json"
        free = {
            "id": trial.id,
            "random_state": trial.random_state,
            "folder": trial.folder,
            "trial": described,
        }
        words = self._filled({**trial.parameters, **free})
        status = run_command(
            [self._program(words[0]) or words[0], *words[1:]],
            trial.folder,
            working_folder=Path(self.working_folder),
            timeout_s=trial.timeout_s,
        )
        complaint = _last_line(trial.folder / "stderr.txt")
        if status is None:
            reason = f"the command did not end within {trial.timeout_s:g} s"
            return {"outcome": "timed out", "error": reason}
        if -status in _FROM_OUTSIDE:
            raise EvaluationKilled(f"the command was ended by {signal.Signals(-status).name}")
        if status != 0:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            error = f"the command ended with {how}" + (f": {complaint}" if complaint else "")
            return {"outcome": "crashed", "error": error}
        told = _printed(trial.folder / "stdout.txt")
        if told is None:
            last = _last_line(trial.folder / "stdout.txt")
            return {
                "outcome": "no result",
                "error": f"the command printed no JSON object; its last line is {shorten(last)}",
            }
        named = {f"{name}{end}" for name in trial.objectives for end in ("", "_error", "_bound")}
        kept = named | {"outcome", "error", "cpu_seconds"}
        details = {name: value for name, value in told.items() if name not in kept}
        return {**told, "details": details}

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": self.kind, **asdict(self)}

    def _words(self) -> list[str]:
        try:
            words = shlex.split(self.template)
            list(string.Formatter().parse(self.template))
        except ValueError as error:
            raise InputError(
                f"the command cannot be read: {error}",
                value=self.template,
                remedy="close quotes and braces; a brace itself is {{ or }}",
            ) from error
        if not words:
            raise InputError("the command is empty", value=self.template)
        return words

    def _filled(self, values: Mapping[str, Any]) -> list[str]:
        """The words with their values; a value never becomes two words."""
        try:
            return [word.format_map(values) for word in self._words()]
        except (ValueError, TypeError) as error:
            raise InputError(
                f"a value cannot be written so: {error}",
                value=self.template,
                remedy="correct the format behind the colon",
            ) from error

    def _program(self, word: str) -> str | None:
        """Where a program lies; ``./NAME`` is one in the working folder."""
        beside = os.path.dirname(word)
        return shutil.which(os.path.join(self.working_folder, word) if beside else word)


def evaluator_from_dict(given: Mapping[str, Any]) -> PolymerSimulation | Command:
    """The evaluator that `to_dict` has described.

    Raises
    ------
    InputError
        An unknown kind or key.
    """
    kinds = {"polymer": PolymerSimulation, "command": Command}
    kind = str(given.get("kind"))
    if kind not in kinds:
        raise InputError("not an evaluator", value=kind, remedy=did_you_mean(kind, kinds))
    values = {name: value for name, value in given.items() if name != "kind"}
    try:
        return kinds[kind](**values)  # type: ignore[no-any-return]
    except TypeError as error:
        raise InputError(f"not a description of a {kind}: {error}") from error


def _printed(path: Path) -> dict[str, Any] | None:
    """The JSON object that was printed: all of it, or its last line."""
    text = _tail(path)
    for part in (text, text.rsplit("\n", 1)[-1]):
        try:
            told = json.loads(part)
        except ValueError:
            continue
        if isinstance(told, dict):
            return told
    return None


def _last_line(path: Path) -> str:
    return _tail(path).rsplit("\n", 1)[-1].strip()


def _tail(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        return stream.read().decode(errors="replace").strip()
