"""Where a lake is, and how its bytes are read and written: a folder, or a prefix in an S3 bucket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow.fs as pa_fs

from commands.errors import ConfigurationError, InfrastructureError


@dataclass(frozen=True)
class Lake:
    """A lake. ``root`` is an absolute folder or ``s3://bucket/prefix``; paths below it use ``/``.

    S3 takes its endpoint, region and credentials from the standard AWS environment variables.
    """

    root: str

    @classmethod
    def open(cls, uri: str | Path) -> Lake:
        """Open a lake by its address; a relative folder is below the repository's root.

        Raises:
            ConfigurationError: the scheme is neither a folder's nor ``s3``.
        """
        text = str(uri)
        scheme = urlparse(text).scheme
        if scheme == "s3":
            return cls(text.rstrip("/"))
        if scheme not in ("", "file"):
            raise ConfigurationError(f"The lake {text!r} is neither a folder nor s3://bucket/prefix.")
        path = Path(text.removeprefix("file://"))
        if not path.is_absolute():
            path = Path(__file__).resolve().parent.parent / path
        return cls(str(path))

    @property
    def is_s3(self) -> bool:
        return self.root.startswith("s3://")

    def uri(self, path: str) -> str:
        """The full address of a path below the root."""
        return f"{self.root}/{path}"

    @property
    def storage_options(self) -> dict[str, str]:
        """What deltalake needs to reach the lake; conditional puts make its commits safe on S3."""
        if not self.is_s3:
            return {}
        options = {"conditional_put": "etag"}
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["allow_http"] = "true"
        return options

    @cached_property
    def _bucket_and_prefix(self) -> tuple[str, str]:
        parsed = urlparse(self.root)
        prefix = parsed.path.strip("/")
        return parsed.netloc, f"{prefix}/" if prefix else ""

    @cached_property
    def client(self) -> Any:
        """The boto3 client of an S3 lake."""
        import boto3

        return boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))

    def filesystem(self, folder: str) -> pa_fs.FileSystem:
        """Arrow's own filesystem rooted at a folder of the lake.

        deltalake's default calls back into Python from reader threads, which can abort the process as it ends.
        """
        if not self.is_s3:
            return pa_fs.SubTreeFileSystem(f"{self.root}/{folder}", pa_fs.LocalFileSystem())
        endpoint = urlparse(os.environ.get("AWS_ENDPOINT_URL", ""))
        bucket, prefix = self._bucket_and_prefix
        s3 = pa_fs.S3FileSystem(
            endpoint_override=endpoint.netloc or None,
            scheme=endpoint.scheme or "https",
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        )
        return pa_fs.SubTreeFileSystem(f"{bucket}/{prefix}{folder}", s3)

    def s3_address(self, path: str) -> dict[str, str]:
        bucket, prefix = self._bucket_and_prefix
        return {"Bucket": bucket, "Key": prefix + path}

    def write(self, path: str, content: bytes) -> None:
        """Write whole or not at all; what was there is replaced.

        Raises:
            InfrastructureError: the disk or the bucket refused.
        """
        if self.is_s3:
            with S3Errors(self):
                self.client.put_object(**self.s3_address(path), Body=content)
            return
        target = Path(self.root, path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise InfrastructureError(f"Cannot write {target}: {error.strerror or error}.") from error

    def read(self, path: str) -> bytes | None:
        """The bytes at a path, or None when there is nothing."""
        if self.is_s3:
            with S3Errors(self):
                try:
                    return bytes(self.client.get_object(**self.s3_address(path))["Body"].read())
                except self.client.exceptions.NoSuchKey:
                    return None
        try:
            return Path(self.root, path).read_bytes()
        except FileNotFoundError:
            return None

    def size(self, path: str) -> int | None:
        """The bytes of a file, or None when there is none."""
        if self.is_s3:
            with S3Errors(self):
                try:
                    return int(self.client.head_object(**self.s3_address(path))["ContentLength"])
                except self.client.exceptions.ClientError as error:
                    if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                        return None
                    raise
        try:
            return Path(self.root, path).stat().st_size
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[str]:
        """Paths of the files below a folder, sorted."""
        yield from (path for path, _ in self.list_with_times(prefix))

    def list_with_times(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Paths of the files below a folder with the second of their last change, sorted by path."""
        if self.is_s3:
            bucket, root = self._bucket_and_prefix
            with S3Errors(self):
                pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{root}{prefix}/")
                entries = [entry for page in pages for entry in page.get("Contents", [])]
            yield from sorted((e["Key"].removeprefix(root), e["LastModified"].timestamp()) for e in entries)
            return
        folder = Path(self.root, prefix)
        if folder.is_dir():
            files = (path for path in folder.rglob("*") if path.is_file())
            yield from sorted((path.relative_to(self.root).as_posix(), path.stat().st_mtime) for path in files)

    def delete(self, path: str) -> None:
        """Remove a file if it is there."""
        if self.is_s3:
            with S3Errors(self):
                self.client.delete_object(**self.s3_address(path))
        else:
            Path(self.root, path).unlink(missing_ok=True)


class S3Errors:
    """Turns what boto3 raises into one sentence that says what to do."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        if isinstance(error, NoCredentialsError):
            raise ConfigurationError(
                f"No credentials for {self.lake.root}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code == "NoSuchBucket":
                raise ConfigurationError(f"The bucket of {self.lake.root} does not exist: create it.") from error
            if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403"):
                raise ConfigurationError(
                    f"{self.lake.root} refuses these credentials ({code}): check AWS_ACCESS_KEY_ID, "
                    "AWS_SECRET_ACCESS_KEY and the bucket's policy."
                ) from error
            if code == "PreconditionFailed" or code == "NoSuchKey":
                return
            raise InfrastructureError(f"{self.lake.root} answered {code or error}: try again.") from error
        if isinstance(error, BotoCoreError):
            raise InfrastructureError(
                f"{self.lake.root} cannot be reached: {error}. Check AWS_ENDPOINT_URL and the network."
            ) from error
