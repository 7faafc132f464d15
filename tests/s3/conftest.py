"""A real S3 server (SeaweedFS) for the tests of this room, on this machine alone, with one user and one bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from lake.delta import audits
from lake.delta.staging import Batch, StagedPartition, stage
from lake.store.location import Lake
from schemas import rollups
from tests.s3.server import BUCKET, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the server; it ends with this process, however that ends."""
    with running_server(tmp_path_factory.mktemp("s3-server")) as found:
        yield found


@pytest.fixture(autouse=True)
def environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's address and credentials, and nothing that this machine's user has set up for himself."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def lake(request: pytest.FixtureRequest) -> Lake:
    """An empty lake under a prefix of the test's own."""
    return Lake.open(f"s3://{BUCKET}/tests/{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}")


@pytest.fixture
def staged(lake: Lake) -> Callable[..., Batch]:
    """Stage a day of rollups, one row a user, with a passed audit."""

    def make(day: str, *users: str, fingerprint: str = "work") -> Batch:
        rows = [{"user_id": user, "action": "purchase", "entity_id": "milk", "count": 1} for user in users]
        table = pa.Table.from_pylist(rows, rollups.TABLE.file_schema)
        file = stage(lake, rollups.TABLE, table, fingerprint=fingerprint, partition={"day": day})
        part = StagedPartition({"day": day}, fingerprint, (file,), {"lost_behaviors": 0})
        batch = Batch(rollups.TABLE.name, "test", (part,))
        batch.save(lake)
        audits.record(lake, batch, {"success": True, "co_audited": [batch.digest], "failed": []})
        return batch

    return make
