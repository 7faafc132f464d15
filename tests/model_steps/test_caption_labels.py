"""The labelled set of captions, and people's labels: all or nothing, once, outranking every other."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.labelled_files import FOLDER, PEOPLE_FILE, WRITTEN_FILE, read_pairs, read_written
from model_steps.caption_judge.material import Material
from model_steps.caption_judge.people import counted
from model_steps.caption_judge.splits import SPLITS, split_of
from model_steps.import_caption_labels import import_caption_labels, sheet
from runtime.errors import DataError, SourceMissing, UsageError

HEADER = ("item_id", "dimension", "label", "annotator", "comment")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "labelled", ignore=shutil.ignore_patterns(PEOPLE_FILE))


def written(path: Path, *lines: Sequence[str]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *lines])
    return path


def test_the_committed_set_is_whole_and_shares_nothing() -> None:
    captions = read_written()
    assert len(captions) >= 200
    assert all(one.labels and one.read_by for one in captions)
    assert {one.form for one in captions} == {"closed", "free"}
    assert {one.way for one in captions} == {"meta", "v1"}
    for one in captions:
        assert one.split == split_of(one.case.reader.name) == split_of(one.case.item.category)
    material = Material.read()
    kinds = Counter((one.split, one.is_written) for one in material.captions)
    assert all(kinds[split, form] > 20 for split in SPLITS for form in (True, False))


def test_no_pseudonym_and_no_profile_is_in_it() -> None:
    cases: list[CaptionCase] = [*(one.case for one in read_written()), *(case for case, _ in read_pairs())]
    assert all(case.reader.name.startswith("customer-2017") and not case.reader.attributes for case in cases)


def test_a_line_that_was_changed_is_noticed(folder: Path) -> None:
    file = folder / WRITTEN_FILE
    file.write_text(file.read_text().replace("chocolate milk", "chocolate tea", 1))
    with pytest.raises(DataError, match=r"written\.jsonl:1 was changed since it was drawn"):
        read_written(folder)


def test_a_label_that_is_none_is_refused(folder: Path) -> None:
    file = folder / WRITTEN_FILE
    lines = file.read_text().splitlines()
    row = json.loads(lines[0])
    row["labels"]["clarity"] = "fine"
    file.write_text("\n".join([json.dumps(row), *lines[1:]]))
    with pytest.raises(DataError, match="give each of relevance, factuality"):
        read_written(folder)


def test_a_leak_between_splits_is_refused(folder: Path) -> None:
    """The planted leak: one caption of a train customer is said to be of the split test."""
    file = folder / WRITTEN_FILE
    lines = file.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if json.loads(line)["split"] == "train")
    row = {**json.loads(lines[place]), "split": "test"}
    file.write_text("\n".join([*lines[:place], json.dumps(row), *lines[place + 1 :]]))
    with pytest.raises(DataError, match="a judge would be examined on what it learnt"):
        Material.read(folder)


def test_a_folder_without_captions_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="write captions with"):
        Material.read(tmp_path)


def test_people_outrank_what_was_read(folder: Path, tmp_path: Path) -> None:
    first, second, *_ = read_written(folder)
    own, other = first.case.case_id, second.case.case_id
    said = "negative" if first.labels["clarity"] != "negative" else "positive"
    lines = [
        (own, "clarity", said, "ann", ""),
        (own, "clarity", said, "ben", "odd"),
        (own, "clarity", "neutral", "cy", ""),
    ]
    tie = [(other, "safety", "neutral", "ann", ""), (other, "safety", "negative", "ben", "")]
    before = Material.read(folder)
    manifest = import_caption_labels(written(tmp_path / "labels.csv", *lines, *tie), folder)
    assert (manifest["labels_in"], manifest["inserted"], manifest["captions"]) == (5, 5, 2)
    after = Material.read(folder)
    by_id = {one.case.case_id: one.labels for one in after.captions if one.is_written}
    assert by_id[own]["clarity"] == said
    assert "safety" not in by_id[other]
    assert after.people == 1
    assert after.digests != before.digests
    again = import_caption_labels(tmp_path / "labels.csv", folder)
    assert (again["inserted"], again["already_there"]) == (0, 5)
    assert Material.read(folder).digests == after.digests


def test_a_file_with_a_wrong_line_changes_nothing(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = read_written(folder)[0].case.case_id
    good = (own, "clarity", "positive", "ann", "")
    wrong = [
        ("caption-0", "clarity", "positive", "ann", ""),
        (own, "beauty", "positive", "ann", ""),
        (own, "safety", "good", "ann", ""),
        (own, "safety", "positive", "a" * 61, ""),
        (own, "clarity", "negative", "ann", ""),
    ]
    sentences = ("is not among those", "the dimension 'beauty'", "the label 'good'", "is no name", "contradicts")
    for line, sentence in zip(wrong, sentences, strict=True):
        caplog.clear()
        with pytest.raises(DataError, match="was not imported, nothing of it"):
            import_caption_labels(written(tmp_path / "labels.csv", good, line), folder)
        assert sentence in caplog.text
        assert ":3: " in caplog.text
        assert not (folder / PEOPLE_FILE).exists()
    with pytest.raises(UsageError, match=r"neither \.csv nor \.jsonl"):
        import_caption_labels(tmp_path / "labels.txt", folder)
    with pytest.raises(SourceMissing, match="There is no file"):
        import_caption_labels(tmp_path / "none.csv", folder)


def test_a_later_contradiction_is_refused(folder: Path, tmp_path: Path) -> None:
    own = read_written(folder)[0].case.case_id
    import_caption_labels(written(tmp_path / "a.csv", (own, "clarity", "positive", "ann", "")), folder)
    with pytest.raises(DataError):
        import_caption_labels(written(tmp_path / "b.csv", (own, "clarity", "negative", "ann", "")), folder)


def test_a_sheet_shows_captions_and_no_label(folder: Path, tmp_path: Path) -> None:
    rows = sheet(folder, 4)
    assert len(rows) == 4 * len(DIMENSIONS)
    assert sheet(folder, 4) == rows
    assert {row["label"] for row in rows} == {""}
    filled = [{**row, "label": "positive", "annotator": "ann"} for row in rows]
    file = tmp_path / "sheet.csv"
    with file.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(filled[0]))
        writer.writeheader()
        writer.writerows(filled)
    assert import_caption_labels(file, folder)["inserted"] == len(rows)


def test_what_most_say_counts() -> None:
    rows = [{"case_id": "c", "dimension": "clarity", "label": label, "annotator": name} for label, name in
            (("positive", "a"), ("negative", "b"), ("positive", "c"))]  # fmt: skip
    assert counted(rows) == {("c", "clarity"): "positive"}
    assert counted(rows[:2]) == {("c", "clarity"): None}
