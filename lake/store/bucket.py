"""A lake's bytes in an S3 bucket, and how the three libraries that go there find it.

boto3 reads and writes objects, deltalake (delta-rs) commits, Arrow scans Parquet. Left alone, each has its own idea of
endpoint, region, credentials and patience. Here all of them get what boto3 finds: the standard AWS environment
variables, a profile, or the role of the machine.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pyarrow.fs as pa_fs

from lake.store import store_errors
from lake.store.folder import StoredFile
from runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import ReadOnlyCredentials

# Seconds. An endpoint that is not there is given up after half a minute, one that does not answer after four.
CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
ATTEMPTS = 4
CONFLICT_ATTEMPTS = 10


class Bucket:
    """The objects below ``s3://bucket/prefix``."""

    def __init__(self, root: str) -> None:
        parsed = urlparse(root)
        self.root = root
        self.bucket = parsed.netloc
        prefix = parsed.path.strip("/")
        self.prefix = f"{prefix}/" if prefix else ""

    @cached_property
    def _session(self) -> boto3.Session:
        import boto3

        # Otherwise every command's log begins with where it found credentials.
        logging.getLogger("botocore.credentials").setLevel(logging.WARNING)
        with store_errors.of_objects(self.root):
            return boto3.Session(region_name=os.environ.get("AWS_REGION"))

    @cached_property
    def client(self) -> Any:
        """The boto3 client."""
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
        with store_errors.of_objects(self.root):
            return self._session.client("s3", endpoint_url=endpoint(), region_name=self._region, config=config)

    @property
    def _region(self) -> str:
        # Servers other than Amazon's rarely care, but the signature needs one.
        return self._session.region_name or "us-east-1"

    def _credentials(self) -> ReadOnlyCredentials:
        """Fresh ones: those of a role expire."""
        with store_errors.of_objects(self.root):
            found = self._session.get_credentials()
            if found is None:
                raise ConfigurationError(store_errors.no_credentials(self.root))
            return found.get_frozen_credentials()

    def deltalake_options(self) -> dict[str, str]:
        """What deltalake needs to reach the bucket; conditional puts make its commits safe."""
        address, credentials = endpoint(), self._credentials()
        options = {
            "conditional_put": "etag",
            "aws_region": self._region,
            "aws_access_key_id": str(credentials.access_key),
            "aws_secret_access_key": str(credentials.secret_key),
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "timeout": f"{ANSWER_SECONDS}s",
            "max_retries": str(ATTEMPTS - 1),
        }
        if credentials.token:
            options["aws_session_token"] = credentials.token
        if address:
            options["aws_endpoint_url"] = address
            options["allow_http"] = str(address.startswith("http://")).lower()
        return options

    def filesystem(self, folder: str) -> pa_fs.FileSystem:
        """Arrow's filesystem rooted at a folder."""
        address, credentials = urlparse(endpoint() or ""), self._credentials()
        s3 = pa_fs.S3FileSystem(
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            session_token=credentials.token,
            region=self._region,
            endpoint_override=address.netloc or None,
            scheme=address.scheme or "https",
            connect_timeout=CONNECT_SECONDS,
            request_timeout=ANSWER_SECONDS,
            retry_strategy=pa_fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        )
        return pa_fs.SubTreeFileSystem(f"{self.bucket}/{self.prefix}{folder}", s3)

    def address(self, path: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + path}

    def write(self, path: str, content: bytes) -> None:
        with store_errors.of_objects(self.root):
            self.client.put_object(**self.address(path), Body=content)

    def write_if_absent(self, path: str, content: bytes) -> bool:
        from botocore.exceptions import ClientError

        with store_errors.of_objects(self.root):
            for attempt in range(CONFLICT_ATTEMPTS):
                try:
                    self.client.put_object(**self.address(path), Body=content, IfNoneMatch="*")
                    return True
                except ClientError as error:
                    code = store_errors.code_of(error)
                    if code == "PreconditionFailed":
                        # When boto3 had to ask again, the object may be there because of its own first try.
                        asked_again = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                        return asked_again and self.read(path) == content
                    # "Conflict": the server was busy with another request for this key, which may yet fail.
                    if code != "ConditionalRequestConflict" or attempt + 1 == CONFLICT_ATTEMPTS:
                        raise
                time.sleep(random.uniform(0.01, 0.1) * (attempt + 1))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def read(self, path: str) -> bytes | None:
        with store_errors.of_objects(self.root):
            try:
                return bytes(self.client.get_object(**self.address(path))["Body"].read())
            except self.client.exceptions.NoSuchKey:
                return None

    def size(self, path: str) -> int | None:
        found = self.file(path)
        return found.size if found else None

    def files(self, prefix: str) -> Iterator[StoredFile]:
        """All objects below a folder."""
        yield from self.beginning_with(f"{prefix}/" if prefix else "")

    def beginning_with(self, beginning: str) -> Iterator[StoredFile]:
        """All objects whose paths begin so."""
        below = self.prefix + beginning
        with store_errors.of_objects(self.root):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below):
                for entry in page.get("Contents", []):
                    yield self._stored(entry["Key"], int(entry["Size"]), entry)

    def file(self, path: str) -> StoredFile | None:
        """An object as it is now, or None when there is none."""
        from botocore.exceptions import ClientError

        with store_errors.of_objects(self.root):
            try:
                found = self.client.head_object(**self.address(path))
                return self._stored(self.prefix + path, int(found["ContentLength"]), found)
            except ClientError as error:
                if store_errors.code_of(error) in ("404", "NoSuchKey"):
                    return None
                raise

    def _stored(self, key: str, size: int, found: Mapping[str, Any]) -> StoredFile:
        return StoredFile(
            key.removeprefix(self.prefix), size, found["LastModified"].timestamp(), found.get("ETag", "").strip('"')
        )

    def delete(self, path: str) -> None:
        with store_errors.of_objects(self.root):
            self.client.delete_object(**self.address(path))


def endpoint() -> str | None:
    """The address of an S3 server that is not Amazon's.

    Raises:
        ConfigurationError: it is no address.
    """
    address = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not address:
        return None
    parsed = urlparse(address)
    if parsed.scheme not in ("http", "https") or not parsed.netloc or parsed.path.strip("/"):
        raise ConfigurationError(f"AWS_ENDPOINT_URL is {address!r}: write it as https://host or http://host:port.")
    return address.rstrip("/")
