"""What executors of a cluster know of the environment, and what is said where they lack something."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from runtime.errors import CommandError, ConfigurationError, DataError
from settings import SparkSettings, load_settings
from spark_jobs.distributed import session
from spark_jobs.distributed.executors import SETTING, handed_over, seen_on_executor

MASTER = "spark://master:7077"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": "http://store:8333"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials in the environment, and settings that are read anew; both forgotten afterwards."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


class Builder:
    """A session's builder that only notes what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def appName(self, name: str) -> Builder:  # noqa: N802
        return self

    def master(self, name: str) -> Builder:
        return self

    def config(self, name: str, value: str) -> Builder:
        self.told[name] = value
        return self

    def getOrCreate(self) -> Builder:  # noqa: N802
        return self

    def stop(self) -> None:
        """Nothing was started."""


def told(monkeypatch: pytest.MonkeyPatch, master: str) -> dict[str, str]:
    """What of the environment a session on this master tells its executors."""
    monkeypatch.setenv("INTENTFLOW_SPARK__MASTER", master)
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)

    class Sessions:
        builder = Builder()

        @staticmethod
        def getActiveSession() -> None:  # noqa: N802
            return None

    monkeypatch.setattr(session, "SparkSession", Sessions)
    with session.spark_session("test"):
        pass
    found = Sessions.builder.told
    return {name.removeprefix("spark.executorEnv."): value for name, value in found.items() if "executorEnv" in name}


@pytest.mark.parametrize("master", [MASTER, "yarn", "k8s://https://cluster"])
def test_a_clusters_executors_get_the_credentials_that_are_set_here(
    monkeypatch: pytest.MonkeyPatch, master: str
) -> None:
    found = told(monkeypatch, master)
    assert {name: value for name, value in found.items() if name.startswith("AWS_")} == KEYS


def test_workers_of_this_machine_inherit_them_and_are_told_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(name.startswith("AWS_") for name in told(monkeypatch, "local[2]"))


def test_the_setting_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, json.dumps(["AWS_PROFILE", "AWS_ENDPOINT_URL"]))
    monkeypatch.setenv("AWS_PROFILE", "cluster")
    found = {name: value for name, value in told(monkeypatch, MASTER).items() if name.startswith("AWS_")}
    assert found == {"AWS_PROFILE": "cluster", "AWS_ENDPOINT_URL": "http://store:8333"}
    monkeypatch.setenv(SETTING, "[]")
    load_settings.cache_clear()
    assert not any(name.startswith("AWS_") for name in told(monkeypatch, MASTER))


@pytest.mark.parametrize("names", ['["AWS_*"]', '["AWS KEY"]', '["1KEY"]', '[""]'])
def test_what_is_no_name_of_a_variable_is_refused(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    monkeypatch.setenv(SETTING, names)
    with pytest.raises(ConfigurationError, match=SETTING):
        load_settings()


def test_what_is_not_set_or_empty_is_left_out() -> None:
    assert handed_over(("A", "B", "C"), {"A": "1", "B": "", "D": "4"}) == {"spark.executorEnv.A": "1"}


@pytest.mark.parametrize("names", [SparkSettings().executor_environment, ()])
def test_the_sentence_says_that_an_executor_has_none_and_who_gives_them(names: tuple[str, ...]) -> None:
    error = seen_on_executor(ConfigurationError("No credentials for s3://lake: set AWS_PROFILE."), MASTER, names)
    assert type(error) is ConfigurationError
    sentence = str(error)
    assert sentence.startswith(f"An executor of Spark at {MASTER} says: No credentials for s3://lake")
    assert SETTING in sentence
    assert "\n" not in sentence
    assert ("AWS_SECRET_ACCESS_KEY" if names else "no variable") in sentence


@pytest.mark.parametrize(
    ("error", "master"),
    [(DataError("line 3 is damaged"), MASTER), (ConfigurationError("No credentials"), "local[*]")],
)
def test_other_errors_are_told_as_they_are(error: CommandError, master: str) -> None:
    assert seen_on_executor(error, master, ()) is error
