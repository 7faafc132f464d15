"""A shop's id becomes the pseudonym that landing gives it, for whoever holds the key."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from runtime.errors import ConfigurationError, UsageError
from spark_jobs.landing import pseudonyms
from spark_jobs.pseudonymize import pseudonyms_of


def test_the_pseudonyms_are_those_of_landing(tmp_path: Path) -> None:
    key = pseudonyms.load_key(tmp_path / "key")
    landed = pseudonyms.pseudonymize(key, pa.chunked_array([["42", "anna b", "7", "31"]])).to_pylist()
    assert pseudonyms_of(["42\n", "\n", "anna b\r\n", " 7", "31.0\n"], tmp_path / "key") == landed


def test_no_key_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no pseudonym key"):
        pseudonyms_of(["42"], tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_no_id_is_refused(tmp_path: Path) -> None:
    pseudonyms.load_key(tmp_path / "key")
    with pytest.raises(UsageError, match="one a line"):
        pseudonyms_of(["\n"], tmp_path / "key")
    with pytest.raises(UsageError, match="Line 2 is no user id"):
        pseudonyms_of(["42\n", "1.5E+11\n"], tmp_path / "key")
