"""The repository's Python files and what they import, read and not run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Import:
    """One imported name.

    Attributes:
        name: dotted, as far as the statement tells: ``from lake.delta import tables`` is ``lake.delta.tables``.
        line: where it stands.
        local: whether it stands in a function, so that it runs when that is called.
    """

    name: str
    line: int
    local: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def files(name: str) -> list[Path]:
    """The source files of a room: a folder, or a file at the root."""
    return sorted((ROOT / name).rglob("*.py")) if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]


@cache
def imports(file: Path) -> tuple[Import, ...]:
    """What a file imports anywhere; what is only for type checkers does not count."""
    return tuple(_below(ast.parse(file.read_text(), str(file)), file, local=False))


def _below(node: ast.AST, file: Path, *, local: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno, local) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{file}:{node.lineno}: relative imports hide which room is meant"
        yield from (Import(f"{node.module}.{alias.name}", node.lineno, local) for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for otherwise in node.orelse:
            yield from _below(otherwise, file, local=local)
    else:
        inside = local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _below(child, file, local=inside)


def module_of(file: Path) -> str:
    """``lake.delta.tables``; a package's own file is the package."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def module_graph(names: Sequence[str], *, local: bool) -> Graph:
    """Which modules of some rooms import which.

    Args:
        local: count imports inside functions, too.
    """
    modules = {module_of(file): file for name in names for file in files(name)}

    def target(name: str) -> str | None:
        """The module that a dotted name is, or is in."""
        return next((found for found in (name, name.rpartition(".")[0]) if found in modules), None)

    return {
        module: frozenset(
            found
            for imported in imports(file)
            if (local or not imported.local) and (found := target(imported.name)) and found != module
        )
        for module, file in modules.items()
    }


def circle(graph: Graph) -> list[str]:
    """A way through the graph that comes back to where it began, or nothing."""
    done: set[str] = set()

    def walk(node: str, way: tuple[str, ...]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            if found := walk(following, (*way, node)):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, ()))), [])
