"""Studies: one published result each, from data to report.

A study is a module of this package that offers ``NAME`` and ``TITLE`` (texts), ``OPTIONS`` (a
tuple of `Option`) and ``run(out, *, quick, progress, **options) -> StudyResult``.  Modules without
a ``NAME`` are helpers.  Nothing is imported before it is run.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from leyden.errors import InputError, did_you_mean
from leyden.report import Report, Source, write_together
from leyden.report.claims import Claim

__all__ = ["Claim", "Option", "Source", "StudyResult", "options", "run", "studies"]


@dataclass(frozen=True)
class Option:
    """A setting of a study, as the command line offers it.

    Attributes
    ----------
    name : str
        Keyword of the study's `run`; ``members`` becomes ``--members``.
    kind : type
        int, float or str; texts are converted by it.
    default : int, float or str
    help : str
    """

    name: str
    kind: type
    default: Any
    help: str


@dataclass(frozen=True)
class StudyResult:
    """What a study found.

    Attributes
    ----------
    study : str
        Name of the study.
    report : Report
        Title, lead and sections; claims, data, warnings and footer are added by `write`.
    claims : sequence of Claim
    data : sequence of Source
    warnings : sequence of str
    seconds, cpu_seconds : float
        Wall time, and processor time of all processes; what a stopped run left is not done again
        and not counted.
    command : str
        The command that repeats the study.
    """

    study: str
    report: Report
    claims: Sequence[Claim]
    data: Sequence[Source] = ()
    warnings: Sequence[str] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    command: str = ""

    @classmethod
    def of_nothing(cls, study: str, title: str, error: InputError, remedy: str) -> StudyResult:
        """What can be said where the data are not at hand: nothing, and how to get them."""
        report = Report(title, f"Nothing was measured. {error}")
        report.section("What is missing").text(remedy)
        return cls(study, report, [], [], [str(error)])

    def to_json(self) -> dict[str, Any]:
        """The content of `results.json`; no number is NaN or infinite."""
        return {
            "study": self.study,
            "version": _version(),
            "seconds": round(float(self.seconds), 3),
            "cpu_seconds": round(float(self.cpu_seconds), 3),
            "data": [
                {"name": source.name, "rows": int(source.rows), "sha256": source.sha256}
                for source in self.data
            ],
            "claims": [claim.to_json() for claim in self.claims],
            "warnings": list(self.warnings),
        }

    def write(self, folder: str | Path) -> None:
        """Write `results.json` and `report.html`: both, or neither.

        Raises
        ------
        InputError
            When two claims share an id, the folder cannot be written, or the disk is full.
        """
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise InputError(
                f"{self.study}: claim ids must be unique",
                value=next(name for name in ids if ids.count(name) > 1),
            )
        self.report.claims(self.claims).sources(self.data).warnings(self.warnings).provenance(
            command=self.command,
            version=_version(),
            commit=_commit(),
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
        )
        results = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        write_together(folder, {"results.json": results + "\n", "report.html": self.report.html()})


def studies() -> dict[str, str]:
    """Name and title of every study; read from the sources, so that nothing is imported."""
    found = {}
    for path in sorted(Path(__path__[0]).glob("*.py")):
        texts = {
            target.id: node.value.value
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if "NAME" in texts:
            found[str(texts["NAME"])] = str(texts.get("TITLE", texts["NAME"]))
    return found


def options(name: str) -> tuple[Option, ...]:
    """The settings that a study offers; imports the study.

    Raises
    ------
    InputError
        When there is no such study.
    """
    return tuple(getattr(_module(name), "OPTIONS", ()))


def run(
    name: str,
    out: str | Path,
    *,
    quick: bool = False,
    progress: bool = True,
    **settings: Any,
) -> StudyResult:
    """Run a study and write `results.json` and `report.html` into `out`.

    Parameters
    ----------
    name : str
    out : path
        Made when it is not there; what the study keeps for resuming lies there too.
    quick : bool
        A short version that shows that everything works.
    progress : bool
        Show a progress bar on a terminal.
    **settings
        The study's own options.

    Raises
    ------
    InputError
        For an unknown study or option, a value of the wrong kind, or a folder that cannot be
        written (found before the work begins).
    """
    module = _module(name)
    chosen = _chosen(name, options(name), settings)
    out = Path(out)
    write_together(out, {".writable": ""})
    (out / ".writable").unlink()
    start, spent = time.perf_counter(), _cpu_seconds()
    result = module.run(out, quick=quick, progress=progress, **chosen)
    result = replace(
        result,
        seconds=time.perf_counter() - start,
        cpu_seconds=_cpu_seconds() - spent,
        command=_command(name, out, quick, settings),
    )
    result.write(out)
    return result


def _module(name: str) -> ModuleType:
    known = studies()
    if name not in known:
        raise InputError("there is no such study", value=name, remedy=did_you_mean(name, known))
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def _chosen(name: str, offered: Sequence[Option], settings: dict[str, Any]) -> dict[str, Any]:
    """Every option of a study with its value, the defaults filled in."""
    kinds = {option.name: option.kind for option in offered}
    chosen = {option.name: option.default for option in offered}
    for key, value in settings.items():
        if key not in kinds:
            raise InputError(
                f"the study {name} has no such option",
                value=key,
                remedy=did_you_mean(key, kinds, None if kinds else "leave it out"),
            )
        try:
            chosen[key] = kinds[key](value)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the option {key} takes a value of kind {kinds[key].__name__}", value=value
            ) from error
    return chosen


def _command(name: str, out: Path, quick: bool, settings: dict[str, Any]) -> str:
    words = ["leyden", "study", "run", name]
    for key, value in settings.items():
        words += [f"--{key.replace('_', '-')}", str(value)]
    return shlex.join([*words, *(["--quick"] if quick else []), "-o", str(out)])


def _cpu_seconds() -> float:
    """Processor time of this process and of those that it has started and seen end."""
    return sum(os.times()[:4])


def _version() -> str:
    try:
        return importlib.metadata.version("leyden")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _commit() -> str | None:
    """Last commit of the package's sources; None for an installed package."""
    package = Path(__file__).parents[1]
    command = ["git", "-C", str(package), "log", "-1", "--format=%h", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
