"""The layers, the cost of an import, the size of a file: the shape of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import leyden

PACKAGE = Path(leyden.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room is a file or folder directly under src/leyden. It imports from lower layers, and from its
# own layer where that makes no cycle. `__init__` is the table of contents and stands apart. A
# sibling of a file that was split sideways stands behind it.
LAYERS = (
    ("errors",),
    ("metrics", "physics", "artefact", "estimator_bytes", "saved_kinds", "worker_processes"),
    ("data", "splits", "nested_splits", "hashing"),
    ("representations", "simulators"),
    (
        "training",
        "pooled_gradient",
        "checkpoints",
        "models",
        "dynamics",
        "cross_fitting",
        "conformal",
        "in_domain",
        "ion_domain",
        "paired",
    ),
    (
        "predictor",
        "transfer",
        "distillation",
        "source_networks",
        "chains",
        "varying_columns",
        "selection",
        "source_search",
    ),
    (
        "validation",
        "kept_parts",
        "evaluation",
        "bounded_scores",
        "summary",
        "screening",
        "exploration",
        "interpretation",
        "element_map",
        "environment_map",
        "property_importance",
    ),
    ("plots", "report", "testing"),
    ("studies", "recipe"),
    ("cli", "web", "__main__"),
)
LAYER = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

HEAVY = {"torch", "pandas", "sklearn", "scipy", "numpy", "matplotlib", "pymatgen", "rdkit", "ase"}


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str | None:
    """`leyden.data.catalog` stands in room `data`; `leyden` itself in none."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules of Leyden that a file imports, and whether only for the type checker."""
    names = {dotted(module) for module in MODULES}
    tree = ast.parse(path.read_text())
    for node, typing_only in walk(tree, False):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name if name in names else str(node.module) for name in full]
        else:
            continue
        yield from ((name, typing_only) for name in found if name.split(".")[0] == "leyden")


def walk(node: ast.AST, typing_only: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, typing_only
    guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    for child in ast.iter_child_nodes(node):
        inside = guarded and child in node.body  # type: ignore[attr-defined]
        yield from walk(child, typing_only or inside)


def test_every_room_has_a_layer() -> None:
    rooms = {room(dotted(path)) for path in MODULES} - {None}
    assert rooms <= LAYER.keys(), f"without a layer: {sorted(rooms - LAYER.keys())}"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_no_file_imports_from_a_higher_layer(path: Path) -> None:
    own = room(dotted(path))
    if own is None:
        return
    for name, _ in imports(path):
        other = room(name)
        if other is None:  # `import leyden` for its version
            continue
        assert LAYER[other] <= LAYER[own], f"{dotted(path)} (layer {LAYER[own]}) imports {name}"
        assert {own, other} != {"cli", "web"}, "cli and web do not import each other"


def test_no_cycle_among_files() -> None:
    """Counting imports inside functions too: a cycle put off is a cycle."""
    graph = {
        dotted(path): {
            name
            for name, typing_only in imports(path)
            if not typing_only and name not in {"leyden", dotted(path)}
        }
        for path in MODULES
        if dotted(path) != "leyden"
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, "cycle: " + " -> ".join([*trail, module])
        if module not in done:
            for other in graph.get(module, ()):
                # A package's table of contents imports its files; they may name the package.
                if not (
                    f"{module}.".startswith(f"{other}.") or f"{other}.".startswith(f"{module}.")
                ):
                    visit(other, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_size(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 400, f"{path.name} has {lines} lines: split it sideways, into a sibling"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_function_is_read_at_a_glance(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            lines = int(node.end_lineno or 0) - node.lineno + 1
            assert lines <= 70, f"{path.name}: {node.name} has {lines} lines, docstring included"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_says_what_it_is_and_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    empty = len(tree.body) == 1
    assert empty or path.stem == "__main__" or "__all__" in assigned, f"{path} has no __all__"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_public_names_have_docstrings(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_forbidden_ways(path: Path) -> None:
    """Loading a model runs no code, randomness is explicit, and library code does not print."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {"pickle", "dill", "cloudpickle", "shelve"}.intersection(names), path
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec"}, f"{path}: {called}"
            assert called != "print" or room(dotted(path)) == "cli", f"{path} prints"
            if called == "torch.load":
                assert "weights_only=True" in ast.unparse(node), f"{path}: torch.load runs code"


def fresh(code: str) -> str:
    """What a new interpreter prints for `code`."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_leyden_loads_nothing_heavy_opens_nothing_and_prints_nothing() -> None:
    code = """
import sys
events = []
import leyden.errors as _  # the interpreter has compiled and opened what it needs
for name in [n for n in sys.modules if n.startswith('leyden')]:
    del sys.modules[name]
sys.addaudithook(lambda event, args: events.append((event, str(args))))
import leyden
opened = [a for e, a in events if e == 'open' and 'leyden' not in a]
forbidden = [e for e, _ in events if e.startswith(('socket', 'subprocess', 'os.mkdir'))]
assert not (opened or forbidden), (opened, forbidden)
print(*sys.modules)
"""
    assert not HEAVY.intersection(fresh(code).split())


def test_every_public_name_resolves() -> None:
    for name in leyden.__all__:
        assert getattr(leyden, name) is not None
    assert set(leyden.__all__) <= set(dir(leyden))
    with pytest.raises(AttributeError, match="no attribute 'volts'"):
        _ = leyden.volts


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys, contextlib, io
sys.argv = ['leyden', '--help']
from leyden.cli import main
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main()
assert 'study' in shown.getvalue()
print(*sys.modules)
"""
    assert not HEAVY.intersection(fresh(code).split())
