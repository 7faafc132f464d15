"""What S3 refuses is one sentence that says what to do, whoever asked first: boto3, deltalake or Arrow."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pyarrow as pa
import pytest

from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import CommandError, ConfigurationError, InfrastructureError
from schemas import entities, rollups
from settings import ROOT

ROWS = pa.Table.from_pylist([{"entity_id": "a", "text": "a", "kind": "query"}], schema=entities.TABLE.schema)
TOUCHES: dict[str, Callable[[Lake], object]] = {
    "boto3 reads": lambda lake: lake.read("a"),
    "boto3 writes": lambda lake: lake.write("a", b""),
    "boto3 puts": lambda lake: objects.put_if_absent(lake, "a", {}),
    "boto3 lists": lambda lake: list(lake.list("a")),
    "deltalake opens": lambda lake: tables.open_table(lake, rollups.TABLE),
    "deltalake reads": lambda lake: tables.read(lake, rollups.TABLE),
    "deltalake creates": lambda lake: writing.insert_new(lake, entities.TABLE, ROWS),
}
# Left alone, the libraries ask ten times and more, for minutes.
MOST_ATTEMPTS = 8
touches = pytest.mark.parametrize("touch", TOUCHES.values(), ids=list(TOUCHES))


def refusal(lake: Lake, touch: Callable[[Lake], object], kind: type[CommandError]) -> str:
    """The sentence, which must be one line without the marks of the libraries below."""
    with pytest.raises(CommandError) as caught:
        touch(lake)
    assert type(caught.value) is kind, caught.value
    sentence = str(caught.value)
    assert not {"\n", "\x1b", "↳", "<"} & set(sentence)
    return sentence


@touches
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Lake], object], name: str
) -> None:
    monkeypatch.setenv(name, "wrong")
    sentence = refusal(lake, touch, ConfigurationError)
    assert sentence.startswith("s3://lake/tests/test-wrong-credentials")
    assert "refuses these credentials" in sentence
    assert "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in sentence


@touches
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_credentials(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Lake], object], name: str
) -> None:
    monkeypatch.delenv(name)
    sentence = refusal(lake, touch, ConfigurationError)
    assert (
        sentence == f"No credentials for {lake.root}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
    )


@touches
def test_a_missing_bucket(touch: Callable[[Lake], object]) -> None:
    sentence = refusal(Lake.open("s3://no-such-lake/prefix"), touch, ConfigurationError)
    assert sentence == "The bucket of s3://no-such-lake/prefix does not exist: create it, or correct the address."


@touches
def test_an_endpoint_where_nobody_is(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Lake], object]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound, not listening: a connection is refused, and nobody else gets the port.
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        sentence = refusal(lake, touch, InfrastructureError)
    assert sentence.startswith(f"{lake.root} cannot be reached: ")
    assert sentence.endswith("Check AWS_ENDPOINT_URL and the network, then run again.")


class Dropping(threading.Thread):
    """A server that takes every connection, drops it, and counts."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.dropped = 0

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # The test has closed the listener.
            self.dropped += 1
            connection.close()

    def __enter__(self) -> Dropping:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()


@touches
def test_an_endpoint_that_fails_is_asked_again_and_not_for_ever(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Lake], object]
) -> None:
    with Dropping() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        refusal(lake, touch, InfrastructureError)
    assert 2 <= server.dropped <= MOST_ATTEMPTS


def test_a_server_that_goes_while_a_table_is_open(
    lake: Lake, staged: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, [staged("2017-11-01", "anna")])
    delta = tables.open_table(lake, rollups.TABLE)
    monkeypatch.setattr(tables, "open_table", lambda *_arguments, **_options: delta)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    stranger = Lake.open(lake.root)
    assert "refuses these credentials" in refusal(
        stranger, lambda lake: tables.read(lake, rollups.TABLE), ConfigurationError
    )


def test_a_data_file_that_is_gone(lake: Lake, staged: Callable[..., Batch]) -> None:
    publish(lake, [staged("2017-11-01", "anna")])
    (file,) = tables.live_files(tables.open_table(lake, rollups.TABLE), rollups.TABLE)
    lake.delete(f"rollups/{file.path}")
    sentence = refusal(lake, lambda lake: tables.read(lake, rollups.TABLE), InfrastructureError)
    assert sentence.startswith("Reading the table rollups failed, a data file is gone")
    assert file.path in sentence


def test_a_command_says_it_in_its_last_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    command = [sys.executable, "-m", "lake", "tables", "--lake", lake.root]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "refuses these credentials" in done.stderr
