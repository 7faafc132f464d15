"""A command's frame: what it prints, and with which code it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import errors
from runtime.entry import day_argument
from runtime.errors import CommandError, Exit

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import argparse, logging, time
from runtime import errors
from runtime.entry import day_argument, run_command

def main(arguments):
    logging.getLogger("intentflow").info("working on %s", arguments.day)
    print("something that a library prints")
    if arguments.error:
        raise getattr(errors, arguments.error)("The feed is broken: ask its owner.")
    if arguments.mistake == "raise":
        return {}["absent"]
    if arguments.mistake == "interrupt":
        raise KeyboardInterrupt
    if arguments.mistake == "manifest":
        return {"when": object()}
    return {"rows": 3, "day": arguments.day, "text": "two\\nlines", "imported": imported}

began = time.monotonic()
time.sleep(0.05)  # as imports do
imported = time.monotonic() - began
parser = argparse.ArgumentParser(prog="python -m demo")
parser.add_argument("--day", type=day_argument, required=True)
parser.add_argument("--error")
parser.add_argument("--mistake")
run_command(main, parser)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_manifest_is_the_last_line_of_stdout() -> None:
    ended = run("--day", "2017-11-01")
    assert ended.returncode == Exit.OK
    *before, last = ended.stdout.splitlines()
    assert before == ["something that a library prints"]
    manifest = json.loads(last)
    # What it took before the command ran counts, too.
    assert manifest.pop("seconds") >= round(manifest.pop("imported"), 3)
    assert manifest == {"rows": 3, "day": "2017-11-01", "text": "two\nlines"}
    assert "working on 2017-11-01" in ended.stderr


COMMAND_ERRORS = {
    "UsageError": 64,
    "DataError": 65,
    "SourceMissing": 66,
    "GateBroken": 69,
    "WorkerFailed": 70,
    "InfrastructureError": 75,
    "RaceLost": 76,
    "ConfigurationError": 78,
}


@pytest.mark.parametrize("name", COMMAND_ERRORS)
def test_a_typed_error_ends_with_its_sentence_and_its_code(name: str) -> None:
    ended = run("--day", "2017-11-01", "--error", name)
    assert ended.returncode == COMMAND_ERRORS[name]
    assert ended.stderr.splitlines()[-1].endswith("ERROR The feed is broken: ask its owner.")
    assert "Traceback" not in ended.stderr
    assert "{" not in ended.stdout


def test_every_typed_error_is_tested_above() -> None:
    typed = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CommandError)}
    assert typed - {"CommandError"} == set(COMMAND_ERRORS)
    assert {kind.value for kind in Exit} >= set(COMMAND_ERRORS.values())


@pytest.mark.parametrize("mistake", ["raise", "manifest"])
def test_our_own_mistake_keeps_its_traceback(mistake: str) -> None:
    ended = run("--day", "2017-11-01", "--mistake", mistake)
    assert ended.returncode == Exit.INTERNAL
    assert "Traceback" in ended.stderr
    assert "{" not in ended.stdout


def test_an_interrupt_ends_quietly() -> None:
    ended = run("--day", "2017-11-01", "--mistake", "interrupt")
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["--day", "1 November"], ["--day", "2017-11-01", "--colour", "red"]])
def test_wrong_arguments_are_a_usage_error(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == Exit.USAGE
    assert "usage: python -m demo" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_is_no_error() -> None:
    assert run("--help").returncode == Exit.OK


@pytest.mark.parametrize("day", ["2017-11-01", "2016-02-29"])
def test_a_day_is_taken_as_it_is_written(day: str) -> None:
    assert day_argument(day) == day


@pytest.mark.parametrize("text", ["2017-11-1", "2017-13-01", "2017-02-29", "20171101", "2017-W44-3", "today", ""])
def test_what_is_no_day_is_refused(text: str) -> None:
    import argparse

    with pytest.raises(argparse.ArgumentTypeError, match="write it as YYYY-MM-DD"):
        day_argument(text)
