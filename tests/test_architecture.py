"""The shape of the package, where import contracts cannot see: imports by string, names that say nothing, circles."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
MODULES = sorted((SOURCE / "headwater").rglob("*.py"))

# Places that may import by string, and only modules of their own package. This list may shrink, not grow.
LAZY = {
    "headwater/cli/__init__.py": "headwater.cli.",  # one module a verb, so that `--help` loads none of them
    "headwater/web/pages/__init__.py": "headwater.web.pages.",  # one folder a page: the folder is the registry
    "headwater/api/attention/__init__.py": "headwater.api.attention.",  # one module a producer
}

SAFE_IMPORTLIB = {"importlib.metadata", "importlib.resources"}
DYNAMIC_MODULES = {"imp", "importlib", "pkgutil", "runpy", "zipimport"}
DYNAMIC_NAMES = {"__import__", "eval", "exec"}
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every absolutely imported name in full: `from importlib import resources` gives `importlib.resources`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dynamic_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that could import a module the import graph does not show."""
    for line, name in imported_names(tree):
        safe = any(name == module or name.startswith(f"{module}.") for module in SAFE_IMPORTLIB)
        if name.partition(".")[0] in DYNAMIC_MODULES and not safe:
            yield line, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in DYNAMIC_NAMES:
            yield node.lineno, node.id
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.modules":
            yield node.lineno, "sys.modules"


def loads_only(call: ast.Call, own: str) -> bool:
    """Whether a call of `import_module` spells out that it stays below `own`, in full or relative to the package."""
    match call.args:
        case [ast.Constant(value=str(text)), *more] | [
            ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]),
            *more,
        ]:
            relative = text.startswith(".") and not text.startswith("..")
            return text.startswith(own) or (
                relative and [ast.unparse(arg) for arg in more] in (["__name__"], ["__package__"])
            )
        case _:
            return False


def test_there_is_something_to_look_at() -> None:
    assert MODULES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_imported_by_string(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = list(dynamic_imports(tree))
    own = LAZY.get(name_of(path))
    if own is None:
        assert not found, f"{name_of(path)}: {found}; import by statement, so that the import contracts see it"
        return
    assert {name for _, name in found} <= {"importlib", "importlib.import_module"}, found
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            assert loads_only(node, own), f"line {node.lineno}: only modules below {own} may be loaded"


@pytest.mark.parametrize(
    "text",
    [
        "import importlib",
        "from importlib import import_module",
        "import importlib.util as u",
        "def f():\n    return __import__('duckdb')",
        "import pkgutil",
        "import sys\nsys.modules['duckdb']",
        "exec('import duckdb')",
    ],
)
def test_a_dodge_is_seen(text: str) -> None:
    assert list(dynamic_imports(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["from importlib import resources", "import importlib.metadata", "from importlib.resources import files"]
)
def test_reading_package_data_is_no_dodge(text: str) -> None:
    assert not list(dynamic_imports(ast.parse(text)))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("import_module(f'headwater.cli.{verb}')", True),
        ("import_module(f'.{verb}', __package__)", True),
        ("import_module(f'.{verb}', 'headwater')", False),
        ("import_module(f'..{verb}', __package__)", False),
        ("import_module(f'headwater.{verb}')", False),
        ("import_module(name)", False),
    ],
)
def test_a_lazy_place_stays_in_its_package(text: str, allowed: bool) -> None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert loads_only(call, "headwater.cli.") is allowed


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_names_say_what_is_inside(path: Path) -> None:
    vague = {part.removesuffix(".py").strip("_") for part in path.relative_to(SOURCE).parts} & VAGUE_NAMES
    assert not vague, "a helper lives in the lowest layer that uses it, under a name that says what it does"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if name_of(path).startswith(("headwater/model", "headwater/errors"))], ids=name_of
)
def test_nouns_and_errors_need_the_standard_library_alone(path: Path) -> None:
    roots = {name.partition(".")[0] for _, name in imported_names(ast.parse(path.read_text(encoding="utf-8")))}
    assert roots <= sys.stdlib_module_names | {"headwater"}


def test_no_imports_run_in_a_circle() -> None:
    graph = grimp.build_graph("headwater", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))
