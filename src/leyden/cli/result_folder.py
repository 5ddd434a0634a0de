"""The folder of a command's results: at any time it holds those of one recipe, or none."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leyden.errors import InputError
from leyden.recipe.text import to_toml

__all__ = ["MODEL", "ResultFolder"]

MODEL = "model.leyden"
_RECIPE = "recipe.toml"
_RESULTS = ("results.json", "report.html", MODEL, "states.parquet")  # in the order of removal


@dataclass(frozen=True)
class ResultFolder:
    """Where a command writes, and what its results depend on.

    Attributes
    ----------
    path : path
    recipe : mapping
        The ``command``; all settings by name; ``files``, a hash of the files that it reads.
    """

    path: Path
    recipe: Mapping[str, Any]

    @property
    def is_of_fit(self) -> bool:
        """Whether a network was learned here."""
        return (self.path / MODEL).exists() or self._there().get("command") == "fit"

    @property
    def is_ours(self) -> bool:
        """Whether it is that of the same recipe, with results or still without."""
        return self._there() == self._own()

    def check(self, force: bool) -> None:
        """Refuse what holds the results of another recipe, unless they may be replaced.

        Raises
        ------
        InputError
        """
        held = [name for name in _RESULTS if (self.path / name).exists()]
        if held and not (force or self.is_ours):
            raise InputError(
                f"the folder holds {', '.join(held)} of {self._other()}",
                file=self.path,
                remedy="choose another folder, or replace them with --force",
            )

    def claim(self) -> None:
        """Make it that of this recipe, and remove the results of others."""
        from leyden.artefact import writing

        if not self.is_ours:
            self.clear()
            with writing(self.path / _RECIPE) as file:
                file.write(self._text().encode())

    def clear(self) -> None:
        """Remove results, those that tell of the others first."""
        for name in _RESULTS:
            (self.path / name).unlink(missing_ok=True)

    def _other(self) -> str:
        there, own = self._there(), self._own()
        names = [name for name in {**own, **there} if there.get(name) != own.get(name)]
        if not there:
            return "settings that are not known"
        if "command" in names:
            return "another command"
        if names == ["files"]:
            return "the same settings, but of files that have changed since"
        return f"other settings ({', '.join(names)})"

    def _there(self) -> dict[str, Any]:
        """The recipe that lies in the folder; empty without one that can be read."""
        try:
            return tomllib.loads((self.path / _RECIPE).read_text(encoding="utf-8"))["dynamics"]
        except (FileNotFoundError, ValueError, KeyError):
            return {}

    def _own(self) -> dict[str, Any]:
        return tomllib.loads(self._text())["dynamics"]

    def _text(self) -> str:
        return to_toml({"dynamics": self.recipe})
