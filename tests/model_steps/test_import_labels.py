"""People's labels are taken in whole or not at all, once, and overwrite nothing."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from evaluation.labels import merge, overlap, tiers
from lake.delta import tables, writing
from lake.store.location import Lake
from model_steps.import_labels import import_labels
from runtime.errors import DataError, Exit, SourceMissing, UsageError
from schemas.judge_labels import DIMENSIONS, TABLE
from tests.evaluation.label_rows import arrow, built, item

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("item_id", "dimension", "label", "annotator", "comment")
MILK, SOAP = item("milk"), item("soap")

Line = Sequence[str]
Write = Callable[..., Path]
ANN = (MILK, "relevance", "negative", "ann", "bought once, by mistake")


@pytest.fixture
def labelled(lake: Lake) -> Lake:
    """A lake with two outputs, one built label of each."""
    rows = [built("milk", "relevance", "positive", release="r1"), built("soap", "relevance", "negative")]
    writing.insert_new(lake, TABLE, arrow(rows))
    return lake


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of labels in the format of its name."""

    def make(*lines: Line, name: str = "ann.csv") -> Path:
        path = tmp_path / name
        padded = [(*line, *[""] * (len(NAMES) - len(line))) for line in lines]
        if path.suffix == ".jsonl":
            text = "".join(json.dumps(dict(zip(NAMES, line, strict=True))) + "\n" for line in padded)
        else:
            text = "".join(",".join(f'"{field}"' for field in line) + "\n" for line in (NAMES, *padded))
        path.write_text(text)
        return path

    return make


def rows_of(lake: Lake) -> pl.DataFrame:
    found = pl.from_arrow(tables.read(lake, TABLE))
    assert isinstance(found, pl.DataFrame)
    return found


def label_of(lake: Lake, item_id: str) -> tuple[str, str]:
    """The label of an output's relevance that counts, and its origin."""
    wanted = (pl.col("item_id") == item_id) & (pl.col("dimension") == "relevance")
    return merge(rows_of(lake)).labels.filter(wanted).select("label", "origin").row(0)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


@pytest.mark.parametrize("name", ["ann.csv", "ann.jsonl", "ANN.CSV"])
def test_what_people_say_counts_and_what_was_built_stays(labelled: Lake, write: Write, name: str) -> None:
    assert label_of(labelled, MILK) == ("positive", "outcome")
    manifest = import_labels(labelled, write(ANN, (SOAP, "tier", "B", "ann"), name=name))
    counts = {key: manifest[key] for key in ("labels_in", "inserted", "already_there", "items", "annotators")}
    assert counts == {"labels_in": 2, "inserted": 2, "already_there": 0, "items": 2, "annotators": {"ann": 2}}
    assert label_of(labelled, MILK) == ("negative", "people")
    assert label_of(labelled, SOAP) == ("negative", "outcome")
    rows = rows_of(labelled)
    assert rows.filter(pl.col("annotator") == "").height == 2
    (ann,) = rows.filter((pl.col("annotator") == "ann") & (pl.col("item_id") == MILK)).to_dicts()
    expected = built("milk", "relevance", "negative", origin="people")
    assert ann == {**expected, "annotator": "ann", "comment": "bought once, by mistake"}


def test_a_second_import_changes_nothing_and_says_so(labelled: Lake, write: Write) -> None:
    file = write(ANN, (SOAP, "relevance", "neutral", "ann"))
    import_labels(labelled, file)
    before, version = rows_of(labelled), tables.version(labelled, TABLE)
    manifest = import_labels(labelled, file)
    assert (manifest["labels_in"], manifest["inserted"], manifest["already_there"]) == (2, 0, 2)
    assert (manifest["version"], tables.version(labelled, TABLE)) == (version, version)
    assert rows_of(labelled).equals(before)


def test_what_is_new_in_a_longer_file_is_added(labelled: Lake, write: Write) -> None:
    import_labels(labelled, write(ANN))
    longer = write(ANN, ANN, (SOAP, "relevance", "neutral", "ann"), name="again.jsonl")
    manifest = import_labels(labelled, longer)
    assert (manifest["labels_in"], manifest["inserted"], manifest["already_there"]) == (3, 1, 2)
    assert rows_of(labelled).height == 4


def test_a_file_with_three_kinds_of_error_is_refused_line_by_line(
    labelled: Lake, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    before, version = rows_of(labelled), tables.version(labelled, TABLE)
    file = write(
        ANN,
        ("tag-0000000000000000", "relevance", "positive", "ann"),
        (SOAP, "tone", "positive", "ann"),
        (MILK, "relevance", "positive", "ann"),
        (SOAP, "validity", "positive", "ann"),
    )
    with pytest.raises(DataError, match=r"ann\.csv was not imported, nothing of it, for lines .* used: 3\."):
        import_labels(labelled, file)
    unknown, dimension, contradiction = errors(caplog)
    assert unknown.startswith(f"{file}:3: the item 'tag-0000000000000000' is not among those to be labelled")
    assert dimension.startswith(f"{file}:4: the dimension 'tone' is unknown: write one of relevance, ")
    assert contradiction.startswith(f"{file}:5: contradicts line 2, where 'ann' gave 'negative'")
    assert rows_of(labelled).equals(before)
    assert tables.version(labelled, TABLE) == version


def test_a_line_that_cannot_be_read_refuses_the_file_beside_what_is_wrong_with_others(
    labelled: Lake, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(ANN, (SOAP, "tone", "positive", "ann"))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b'"J\xf6rg",x,y,z,\r\n')
    with pytest.raises(DataError, match=r"used: 2\."):
        import_labels(labelled, file)
    assert [message.removeprefix(str(file))[:32] for message in errors(caplog)] == [
        ":3: the dimension 'tone' is unkn",
        ":4: byte 3 of the line (0xf6) is",
    ]
    assert rows_of(labelled).height == 2


def test_who_contradicts_an_earlier_import_is_refused(
    labelled: Lake, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    import_labels(labelled, write(ANN))
    changed = write((SOAP, "validity", "positive", "ann"), (MILK, "relevance", "neutral", "ann"), name="changed.csv")
    with pytest.raises(DataError):
        import_labels(labelled, changed)
    (message,) = errors(caplog)
    assert message.startswith(f"{changed}:3: contradicts what 'ann' gave in an earlier import ('negative')")
    assert rows_of(labelled).height == 3


def test_what_people_say_changes_what_a_judge_is_examined_by_once(labelled: Lake, write: Write) -> None:
    dimensions = [built("milk", name, "positive") for name in DIMENSIONS["tag"] if name != "relevance"]
    writing.insert_new(labelled, TABLE, arrow(dimensions))

    def tier() -> str:
        found = tiers(merge(rows_of(labelled)), {MILK: "tag"}, 0.75)
        return str(found.filter(pl.col("item_id") == MILK)["label"].item())

    assert tier() == "S"
    refused = write(ANN, ("tag-0", "relevance", "positive", "ann"), name="refused.csv")
    with pytest.raises(DataError):
        import_labels(labelled, refused)
    assert tier() == "S"
    for _time in range(2):
        import_labels(labelled, write(ANN))
        assert tier() == "B"


def test_at_most_twenty_lines_are_told(labelled: Lake, write: Write, caplog: pytest.LogCaptureFixture) -> None:
    file = write(*[(f"tag-{number}", "tone", "positive", "ann") for number in range(23)])
    with pytest.raises(DataError, match=r"used: 23\."):
        import_labels(labelled, file)
    *told, rest = errors(caplog)
    assert [message.removeprefix(f"{file}:").partition(":")[0] for message in told] == [str(n) for n in range(2, 22)]
    assert all("the item" in message and "the dimension" in message for message in told)
    assert rest == f"{file}: and 3 more."


def test_two_annotators_meet_and_are_divided(labelled: Lake, write: Write) -> None:
    import_labels(labelled, write(ANN))
    import_labels(labelled, write((MILK, "relevance", "positive", "ben"), name="ben.csv"))
    merged = merge(rows_of(labelled))
    assert merged.ties.rows() == [(MILK, "relevance")]
    assert overlap(rows_of(labelled), "relevance").pairs("ann", "ben") == [("negative", "positive")]
    import_labels(labelled, write((MILK, "relevance", "positive", "cid"), name="cid.csv"))
    assert label_of(labelled, MILK) == ("positive", "people")


def test_what_cannot_be_a_file_of_labels(labelled: Lake, write: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"neither \.csv nor \.jsonl"):
        import_labels(labelled, write(ANN, name="ann.xlsx"))
    with pytest.raises(SourceMissing, match="There is no file"):
        import_labels(labelled, tmp_path / "other.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceMissing, match="There is no file"):
        import_labels(labelled, tmp_path / "folder.csv")
    with pytest.raises(SourceMissing, match="build the labelled set first"):
        import_labels(Lake.open(tmp_path / "empty"), write(ANN))


def test_a_text_that_no_table_can_hold_is_told_and_no_traceback(labelled: Lake, tmp_path: Path) -> None:
    file = tmp_path / "half.jsonl"
    file.write_text(json.dumps(dict(zip(NAMES, ("\ud800", *ANN[1:]), strict=True))))
    with pytest.raises(DataError):
        import_labels(labelled, file)


# --- races and crashes


@pytest.fixture
def overlapping(labelled: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Hold two imports back until both have opened the table, so that they decide on the same version."""
    barrier = threading.Barrier(2, timeout=30)
    commit = writing.commit

    def wait_then_commit(*arguments: Any) -> Any:
        barrier.wait()
        return commit(*arguments)

    monkeypatch.setattr(writing, "commit", wait_then_commit)
    return labelled


def outcome(lake: Lake, file: Path) -> int | str:
    try:
        return int(import_labels(lake, file)["inserted"])
    except DataError:
        return "refused"


def test_of_two_imports_at_once_that_contradict_each_other_one_is_refused_whole(
    overlapping: Lake, write: Write
) -> None:
    first = write(ANN, (SOAP, "validity", "positive", "ann"), name="first.csv")
    second = write((MILK, "relevance", "neutral", "ann"), (SOAP, "relevance", "neutral", "ann"), name="second.csv")
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda file: outcome(overlapping, file), (first, second)))
    assert sorted(map(str, said)) == ["2", "refused"]
    people = rows_of(overlapping).filter(pl.col("annotator") != "").select("dimension", "label")
    whole = [[("relevance", "negative"), ("validity", "positive")], [("relevance", "neutral")] * 2]
    assert sorted(people.rows()) == whole[said.index("refused") ^ 1]


def test_the_same_file_imported_twice_at_once_is_there_once(overlapping: Lake, write: Write) -> None:
    file = write(ANN, (SOAP, "validity", "positive", "ann"))
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda file: outcome(overlapping, file), (file, file)), key=str) == [0, 2]
    assert rows_of(overlapping).height == 4


def test_a_crash_leaves_all_or_nothing(labelled: Lake, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(ANN, (SOAP, "validity", "positive", "ann"))
    commit = DeltaTable.create_write_transaction

    def crash_before(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    def crash_after(*arguments: Any, **options: Any) -> None:
        commit(*arguments, **options)
        raise KeyboardInterrupt

    for crash, there in ((crash_before, 2), (crash_after, 4)):
        monkeypatch.setattr(DeltaTable, "create_write_transaction", crash)
        with pytest.raises(KeyboardInterrupt):
            import_labels(labelled, file)
        assert rows_of(labelled).height == there
    monkeypatch.undo()
    assert import_labels(labelled, file)["already_there"] == 2
    assert rows_of(labelled).height == 4


def test_the_command_tells_the_shell(labelled: Lake, write: Write) -> None:
    file = write(ANN, (SOAP, "tone", "positive", "ann"))
    arguments = [sys.executable, "-m", "model_steps.import_labels", "--lake", labelled.root, "--file", str(file)]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (Exit.DATA, "")
    line, end = ended.stderr.splitlines()
    assert f" ERROR {file}:3: the dimension 'tone' is unknown" in line
    assert " was not imported, nothing of it" in end
    write(ANN)
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == Exit.OK
    assert json.loads(ended.stdout.splitlines()[-1])["inserted"] == 1
