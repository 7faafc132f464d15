"""``python -m launcher`` and ``make`` as one calls them: exit codes, one sentence a mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from settings import ROOT


def launcher(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launcher", *arguments],
        cwd=ROOT,
        env={**os.environ, "INTENTFLOW_AIRFLOW__HOME": str(tmp_path / "airflow"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--day", "2017-11-31"), "'2017-11-31' is no day"),
        (("run", "--day", "2017-11-01", "--users", "many"), "'many' is no number; write 0 or more"),
        (("backfill", "--from", "2017-11-01"), "--to"),
        (("calibrate", "--preset", "medium"), "invalid choice: 'medium'"),
        (("calibrate", "--seed", "-1"), "'-1' is no seed; write 0 or more"),
        (("dance",), "invalid choice"),
    ],
)
def test_a_misspelt_command_is_explained(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    answer = launcher(tmp_path, *arguments)

    assert answer.returncode == 64
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "sentence"),
    [
        (("run", "--day", "2018-01-01"), {}, 64, "ends on 2017-12-31: 2018-01-01 is not in it"),
        (("backfill", "--from", "2017-11-02", "--to", "2017-11-01"), {}, 64, "exchange FROM and TO"),
        (("run", "--day", "2017-11-01"), {"INTENTFLOW_AIRFLOW__PORT": "none"}, 78, "INTENTFLOW_AIRFLOW__PORT"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, sentence: str
) -> None:
    answer = launcher(tmp_path, *arguments, **environment)

    assert answer.returncode == code
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stdout == ""


def test_stop_without_anything_to_stop(tmp_path: Path) -> None:
    answer = launcher(tmp_path, "stop")

    assert answer.returncode == 0
    assert "Nothing of Intentflow runs" in answer.stdout


def test_make_help_lists_what_there_is() -> None:
    answer = make("help")

    assert answer.returncode == 0
    named = [line.split()[1] for line in answer.stdout.splitlines()]
    assert {"run", "calibrate", "test", "lint", "ui", "stop", "backfill", "bench", "clean", "lock"} <= set(named)


@pytest.mark.parametrize(
    ("arguments", "sentence"), [(("backfill",), "make backfill FROM="), (("bench",), "make bench NAME=")]
)
def test_make_says_what_is_missing(arguments: tuple[str, ...], sentence: str) -> None:
    answer = make(*arguments)

    assert answer.returncode == 2
    assert sentence in answer.stderr.splitlines()[0]
