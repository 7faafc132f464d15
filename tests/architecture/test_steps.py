"""Whoever stages says under which fingerprint, and nothing that runs hides from the reading of imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import imports
from runtime.errors import CommandError

ROOT = imports.ROOT
ROOMS = ("evaluation", "lake", "model_steps", "representation", "schemas", "spark_jobs")
# Commands that import what writes and write into no table that is published from, and where they do write.
ELSEWHERE = {
    "model_steps.evaluate": "copies into a lake of its own, for the benefit of one comparison",
    "model_steps.judge_candidate": "into the lake of its evaluation alone; its results are named by their content",
    "model_steps.judge_candidate_captions": "as judge_candidate, of captions: answers, and results by their content",
    "spark_jobs.check": "a day on trial: workers hand back counts and places, of which nothing is kept",
    "model_steps.replay_case": "a written case, into a lake of its own that nothing is published from",
    "model_steps.gate": "evidence, named by its content; it reads what is frozen by the module that freezes",
    "model_steps.calibrate_judge": "answers, which are keyed by what was asked; its record names all that it rests on",
    "model_steps.calibrate_caption_judge": "answers alone, as the exam of the judge of tags does",
}
WRITES = {"stage", "insert_new", "renew"}


def modules() -> dict[str, Path]:
    return {imports.module_of(file): file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))}


def calls(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def commands() -> list[str]:
    return [module for module, file in modules().items() if "run_command" in set(calls(file))]


def declares(file: Path) -> bool:
    return any(
        isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Step(")
        for node in ast.parse(file.read_text()).body
    )


STEPS = [module for module, file in modules().items() if declares(file)]


def test_there_are_steps() -> None:
    assert {"spark_jobs.land", "model_steps.embed", "model_steps.infer", "lake.publish_day"} <= set(STEPS)
    assert set(STEPS) <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_a_command_that_stages_is_a_step(command: str) -> None:
    """By the code that it imports; ``lake.publish`` makes visible what others staged, under their fingerprints."""
    writers = [
        module
        for module, file in imports.closure(command).items()
        if (module == command or not module.startswith("lake.")) and not imports.left_out(module)
        if {called.rpartition(".")[2] for called in calls(file)} & WRITES
    ]
    assert command in STEPS or command in ELSEWHERE or not writers, (
        f"{command} writes rows by {writers} and names no Step for them"
    )


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_imported_by_a_name_that_cannot_be_read(step: str) -> None:
    hiding = {"import_module", "__import__", "run_module", "run_path", "exec", "eval", "Popen", "check_call", "system"}
    for module, file in imports.closure(step).items():
        if not imports.left_out(module):
            # model.eval() of torch is another thing than eval().
            found = {
                called for called in calls(file) if called in hiding or called.rpartition(".")[2] in hiding - {"eval"}
            }
            assert not found, f"{module} calls {found}: what that runs is in no fingerprint"


@pytest.mark.parametrize("step", STEPS)
def test_the_words_of_errors_are_kept_in_no_row(step: str) -> None:
    """Errors of ours, and built-in ones, may be reworded without making a day due: so they only end commands.

    A handler hands their text on to another error or to the log, or asks for their numbers, and to nothing else.
    """
    for module, file in imports.closure(step).items():
        tree = ast.parse(file.read_text())
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name):
            if imports.left_out(module) or not counts_for_nothing(handler, own):
                continue
            told = {
                id(inner)
                for node in ast.walk(handler)
                if isinstance(node, ast.Raise)
                or (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."))
                for inner in ast.walk(node)
            }
            uses = [
                n for n in ast.walk(handler) if isinstance(n, ast.Name) and n.id == handler.name and id(n) not in told
            ]
            assert not uses, f"{module}:{uses[0].lineno} keeps the text of an error whose words are in no fingerprint"


def counts_for_nothing(handler: ast.ExceptHandler, own: set[str]) -> bool:
    """Whether a handler may catch an error whose words a fingerprint leaves out."""
    ours = {"CommandError"} | {kind.__name__ for kind in CommandError.__subclasses__()}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {ast.unparse(kind) for kind in kinds if kind is not None}
    builtin = {name for name in names if imports.is_builtin_error(name)} - {"OSError", "KeyError", "Exception"}
    return bool((names & ours) | builtin) and not names <= own


def test_what_is_left_out_is_there() -> None:
    for room, why in imports.LEFT_OUT.items():
        assert imports.path_of(room), f"{room} is left out of fingerprints and there is no such room"
        assert why


def test_docstrings_are_only_read_by_people() -> None:
    """They are in no fingerprint, so nothing may be made of one but a command's help."""
    for module, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "description":
                continue
            if isinstance(node, ast.Call | ast.Assign | ast.Return):
                values = node.args if isinstance(node, ast.Call) else [node.value]
                assert "__doc__" not in {ast.unparse(value) for value in values if value}, module
