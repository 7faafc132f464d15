"""Settings: typed, overridden by the environment, refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import ConfigurationError, Exit
from settings import ROOT, load_settings


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings as they are without this machine's environment; forgotten again afterwards."""
    import os

    for name in [name for name in os.environ if name.startswith("INTENTFLOW_")]:
        monkeypatch.delenv(name)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_defaults_stand_below_the_repository() -> None:
    settings = load_settings()
    assert settings.lake.uri == "var/lake"
    assert settings.lake.data_docs == ROOT / "var/data_docs"
    assert settings.inference.personas * settings.inference.tags_per_expert >= settings.inference.tags


def test_the_environment_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTENTFLOW_INFERENCE__PERSONAS", "4")
    monkeypatch.setenv("INTENTFLOW_LAKE__DATA_DOCS", str(tmp_path))
    assert load_settings().inference.personas == 4
    assert load_settings().inference.tags == 10
    assert load_settings().lake.data_docs == tmp_path


@pytest.mark.parametrize("said", ["none", "None", " NONE ", ""])
def test_a_live_log_has_no_last_day(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("INTENTFLOW_SOURCE__LAST_DAY", said)
    assert load_settings().source.last_day is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("INTENTFLOW_INFERENCE__PERSONAS", "many", "INTENTFLOW_INFERENCE__PERSONAS: .*integer"),
        ("INTENTFLOW_INFERENCE__PERSONAS", "0", "INTENTFLOW_INFERENCE__PERSONAS: .*greater than or equal to 1"),
        ("INTENTFLOW_INFERENCE__PERSONNAS", "3", "INTENTFLOW_INFERENCE__PERSONNAS: .*not permitted"),
        ("INTENTFLOW_INFERENCE__TAGS", "31", "INTENTFLOW_INFERENCE: .*fewer than the 31 tags to keep: raise one"),
        ("INTENTFLOW_ENGINE__DTYPE", "int4", "INTENTFLOW_ENGINE__DTYPE: .*float32"),
        ("INTENTFLOW_SOURCE__FIRST_DAY", "soon", "INTENTFLOW_SOURCE__FIRST_DAY: .*date"),
        ("INTENTFLOW_SOURCE__LAST_DAY", "never", "INTENTFLOW_SOURCE__LAST_DAY: .*date"),
    ],
)
def test_a_bad_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv("INTENTFLOW_INFERENCE__ASKING", "written")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=words) as refused:
        load_settings()
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == Exit.CONFIG


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENTFLOW_INFERENCE__PERSONAS", "0")
    monkeypatch.setenv("INTENTFLOW_AIRFLOW__PORT", "99999")
    with pytest.raises(ConfigurationError, match=r"PERSONAS.*; .*PORT"):
        load_settings()


def test_a_command_ends_with_the_sentence_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENTFLOW_AIRFLOW__PORT", "99999")
    command = [sys.executable, "-m", "lake.publish", "--batch", "none"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == Exit.CONFIG
    assert "INTENTFLOW_AIRFLOW__PORT" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
