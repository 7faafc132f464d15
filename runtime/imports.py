"""The code that a command runs: what its entry module imports of this repository, read from the sources.

Nothing is imported here, so it costs parsing alone (once: ``runtime.source_cache``), and works where a step's libraries
are not installed. An import counts wherever in a file it stands; one for type checkers alone does not, for nothing of
it runs.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runtime import source_cache

ROOT = Path(__file__).resolve().parents[1]

# The one list of what cannot shape a row, by room or module, and why. All else that a step imports counts.
LEFT_OUT = {
    "runtime": "errors, progress, entry points, child processes: a row is made of none; digests enter by their values",
    "settings": "settings enter by their values, as parameters of the work",
    "lake.store": "moves bytes and names paths; what the bytes are is decided above",
    "lake.auditing": "lets staged rows pass or stops them, and changes none",
    "lake.delta.audits": "keeps what was said of staged rows, and changes none",
    "lake.registry.champions": "chooses the release, whose name and files enter by their values",
}

# Exceptions whose sentence ends a command, as a built-in one's does. What a room defines itself may be kept in a row.
ERRORS = "runtime.errors"
LOGGERS = frozenset({"log", "logger"})
LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})


@dataclass(frozen=True)
class Source:
    """A source file.

    Args:
        digest: of what it does: comments, docstrings, formatting and the words of errors do not count.
        imports: names of modules, of this repository or not, that it imports; of ``from a import b`` both ``a`` and
            ``a.b``.
    """

    digest: str
    imports: frozenset[str]


def left_out(module: str) -> bool:
    """Whether a module stands in a room that cannot shape a row."""
    return any(module == room or module.startswith(f"{room}.") for room in LEFT_OUT)


def path_of(module: str, root: Path = ROOT) -> Path | None:
    """The file of one of the repository's modules, None for any other name."""
    place = root.joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def module_of(file: Path, root: Path = ROOT) -> str:
    """The name under which a file of the repository is imported."""
    parts = file.resolve().relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def closure(entry: str, root: Path = ROOT) -> dict[str, Path]:
    """All modules of the repository that an entry module imports, whoever imports them in turn, itself among them.

    Raises:
        LookupError: there is no such module.
    """
    if path_of(entry, root) is None:
        raise LookupError(f"There is no module {entry} in {root}.")
    found: dict[str, Path] = {}
    front = [entry]
    while front:
        module = front.pop()
        if module not in found and (file := path_of(module, root)):
            found[module] = file
            # Importing a.b.c runs a and a.b first.
            front += [module.rpartition(".")[0] or module, *source(file, module).imports]
    return dict(sorted(found.items()))


def libraries(entry: str, root: Path = ROOT) -> frozenset[str]:
    """Top-level names of what the step's code imports from elsewhere."""
    names = {
        name.partition(".")[0]
        for module, file in closure(entry, root).items()
        if not left_out(module)
        for name in source(file, module).imports
    }
    return frozenset(name for name in names if path_of(name, root) is None and not (root / name).is_dir())


def digests(entry: str, root: Path = ROOT) -> dict[str, str]:
    """Digest of each file that can shape the step's rows, by its path: modules, and the data files beside them."""
    found: dict[str, str] = {}
    for module, file in closure(entry, root).items():
        if not left_out(module):
            found[file.relative_to(root).as_posix()] = source(file, module).digest
            if file.parent != root:
                found.update(_data_digests(file.parent, root))
    return found


def source(file: Path, module: str) -> Source:
    """Read a source file."""
    content = file.read_bytes()
    return _source(content, module, file.name == "__init__.py")


@cache
def _source(content: bytes, module: str, is_package: bool) -> Source:
    key = source_cache.key_of(content, module, is_package)
    if kept := source_cache.KEPT.find(key):
        return Source(kept[0], frozenset(kept[1]))
    read = parse(content, module, is_package)
    source_cache.KEPT.add(key, read.digest, sorted(read.imports))
    return read


def parse(content: bytes, module: str, is_package: bool) -> Source:
    """Read a source file's content, whether it was read before or not."""
    tree = ast.parse(content)
    _drop_type_checking(tree)
    imports = frozenset(_imports(tree, module if is_package else module.rpartition(".")[0]))
    _normalize(tree)
    return Source(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports)


def _data_digests(folder: Path, root: Path) -> dict[str, str]:
    """The files beside a module that are no modules: prompts, SQL, templates; those of folders without modules too."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        # Editors' and the interpreter's own files are nobody's data.
        if path.name.startswith(".") or path.name.endswith("~") or path.name == "__pycache__":
            continue
        if path.is_dir():
            if not any(path.rglob("*.py")):
                found.update(_data_digests(path, root))
        elif path.suffix not in (".py", ".pyc"):
            found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _drop_type_checking(tree: ast.Module) -> None:
    """Empty the blocks that only type checkers read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = [ast.Pass()]


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _normalize(tree: ast.Module) -> None:
    """Take out, in place, what cannot shape a row: docstrings, and the words of errors, log lines and ``--help``."""
    sentences = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == ERRORS
        for alias in node.names
    }
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                setattr(node, name, [child for child in block if not _is_text(child)] or (block and [ast.Pass()]))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            raised = ast.unparse(node.exc.func)
            if raised in sentences or (raised not in defined and is_builtin_error(raised)):
                _blank(node.exc)
        elif isinstance(node, ast.Assert) and node.msg is not None:
            _blank(node.msg)
        elif isinstance(node, ast.Call) and isinstance(called := node.func, ast.Attribute):
            if called.attr in LOGGING and isinstance(called.value, ast.Name) and called.value.id in LOGGERS:
                _blank(node)
            elif called.attr == "add_argument":
                for keyword in node.keywords:
                    if keyword.arg == "help":
                        _blank(keyword.value)


def _is_text(statement: ast.AST) -> bool:
    """A docstring, or any other text that stands alone."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def is_builtin_error(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _blank(node: ast.AST) -> None:
    """Blank the texts of an expression; what else it computes stays."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            child.value = ""
        elif isinstance(child, ast.JoinedStr):
            child.values = [part for part in child.values if isinstance(part, ast.FormattedValue)]
