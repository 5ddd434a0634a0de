"""What the documents show works: code blocks, examples, doctests, commands and links."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import leyden

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
MODULES = [module.name for module in pkgutil.walk_packages(leyden.__path__, "leyden.")] + ["leyden"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> Iterator[tuple[Path, int, str]]:
    for document in DOCUMENTS:
        text = document.read_text()
        for match in FENCE.finditer(text):
            if match[1] == language:
                yield document, text[: match.start()].count("\n") + 2, match[2]


def commands() -> list[str]:
    """Every `leyden ...` line of the documents and the Makefile."""
    lines = [line for _, _, block in blocks("") for line in block.splitlines()]
    makefile = (ROOT / "Makefile").read_text().splitlines()
    lines += [line.strip().removeprefix("$(BIN)/") for line in makefile]
    return sorted({line.split("#")[0].strip() for line in lines if line.startswith("leyden ")})


@pytest.mark.parametrize(
    ("document", "line", "code"),
    [pytest.param(*block, id=f"{block[0].name}:{block[1]}") for block in blocks("python")],
)
def test_code_block_runs(
    document: Path, line: int, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / f"{document.stem}.py"
    script.write_text("\n" * (line - 1) + code)  # errors name the line of the document
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(
    example: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error ends it, and so does silence: it is there to show something."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    shown = capsys.readouterr().out
    assert re.search(r"\d", shown)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=options).failed == 0


@pytest.mark.parametrize("command", commands())
def test_shown_command_exists(command: str) -> None:
    """Its subcommands are there, and its help names every option that is shown."""
    from leyden.cli import app

    words = shlex.split(command)[1:]
    if words == ["COMMAND", "--help"]:
        return
    runner, path = CliRunner(), []
    for word in words:
        if not word[0].isalpha() or runner.invoke(app, [*path, word, "--help"]).exit_code != 0:
            break
        path.append(word)
    shown = runner.invoke(app, [*path, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.output)
    assert "COMMAND [ARGS]" not in text, f"no such command: {command}"
    for word in words:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), f"{command}: {word}"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{document.name}:{line}")
        for document, line, code in blocks("toml")
        if "[data]" in code
    ],
)
def test_recipes_are_read(code: str) -> None:
    """Every section, kind and key is there; their expansion is read as the same recipe."""
    from leyden.recipe import Recipe

    recipe = Recipe.from_mapping(tomllib.loads(code))
    assert Recipe.from_mapping(tomllib.loads(recipe.to_toml())).to_toml() == recipe.to_toml()


def test_recipes_name_every_kind() -> None:
    from leyden.recipe.parts import kinds

    text = (ROOT / "docs" / "recipes.md").read_text()
    for section in ("representation", "model", "strategy", "split"):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `[{section}]`")]
        assert re.findall(r"`([a-z][\w-]*)`", row) == kinds(section)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)  # SMILES are no links
    for target in re.findall(r"\]\(([^)#]+)", prose):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_versions_agree() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{leyden.__version__}"' in project
    assert f"version: {leyden.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {leyden.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_is_used_and_every_import_declared() -> None:
    """What `src` imports is what `pyproject.toml` declares, no less and no more."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {"pillow": "PIL", "scikit-learn": "sklearn", "mdanalysis": "MDAnalysis"}

    def modules(requirements: list[str]) -> set[str]:
        names = [re.split(r"[<>=\[ ]", requirement)[0].lower() for requirement in requirements]
        return {named.get(name, name) for name in names}

    imported: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    imported -= {*sys.stdlib_module_names, "leyden", "mpl_toolkits"}  # which comes with matplotlib
    needed = modules(project["dependencies"])
    optional = modules(extras["potentials"] + extras["cluster"] + extras["md"] + extras["bo"])
    assert imported <= needed | optional, "import without a declaration"
    # pyarrow is what pandas reads and writes Parquet with.
    assert needed - imported <= {"pyarrow"}, "declared, and not used"
