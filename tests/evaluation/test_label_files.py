"""What a line of a file of labels says, and what is wrong with one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evaluation.label_checks import check
from evaluation.label_files import GivenLabel, Problem, read_csv, read_json_lines
from tests.evaluation.label_rows import built, given, item

HEADER = "item_id,dimension,label,annotator,comment\n"
ONE = GivenLabel(2, "tag-1", "relevance", "positive", "ann", None)


def csv_of(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (header.strip() + end + "".join(f"{line}{end}" for line in lines)).encode()


def sentences(problems: list[Problem]) -> dict[int, str]:
    """The problems by line; of each line one is expected."""
    assert len({problem.line for problem in problems}) == len(problems)
    return {problem.line: problem.sentence for problem in problems}


# --- the form


@pytest.mark.parametrize(
    "content",
    [
        csv_of("tag-1,relevance,positive,ann,"),
        csv_of("tag-1,relevance,positive,ann,", end="\r\n"),
        b"\xef\xbb\xbf" + csv_of("tag-1,relevance,positive,ann,"),
        csv_of("tag-1,relevance,positive,ann,").rstrip(b"\n"),
        csv_of("tag-1,relevance,positive,ann", header="item_id,dimension,label,annotator"),
        csv_of('"tag-1",relevance , positive,ann,'),
        csv_of("ann,positive,milk,relevance,tag-1", header="annotator,label,text,dimension,item_id"),
    ],
    ids=[
        "plain",
        "CRLF",
        "BOM",
        "no last line end",
        "no comment",
        "quoted and spaced",
        "other order and the item shown",
    ],
)
def test_a_csv_file_is_read_however_it_was_saved(content: bytes) -> None:
    assert read_csv(content) == ([ONE], [])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_json_lines_file_is_read_however_it_was_saved(end: str, bom: bytes) -> None:
    first = {"item_id": "tag-1", "dimension": "relevance", "label": "positive", "annotator": "ann", "comment": None}
    second = {**first, "comment": 'Käse, "fein"', "text": "cheese", "category": None}
    content = bom + end.join([json.dumps(first), "", json.dumps(second, ensure_ascii=False), ""]).encode()
    labels, problems = read_json_lines(content)
    assert problems == []
    assert [(label.line, label.comment) for label in labels] == [(1, None), (3, 'Käse, "fein"')]


def test_quotation_marks_and_commas_are_read_in_quoted_fields() -> None:
    labels, problems = read_csv(csv_of('tag-1,relevance,positive,ann,"no, ""never"" bought"'))
    assert problems == []
    assert labels[0].comment == 'no, "never" bought'


def test_one_name_in_two_encodings_is_one_annotator() -> None:
    labels, _ = read_csv(csv_of("tag-1,relevance,positive,Ren\u00e9,", "tag-1,validity,positive,Rene\u0301,"))
    assert {label.annotator for label in labels} == {"Ren\u00e9"}


def test_a_line_that_cannot_be_read_spoils_no_other() -> None:
    content = (
        csv_of("tag-1,relevance,positive,ann,", 'tag-1,relevance,"positive,ann,', "tag-1,relevance,positive")
        + b"tag-1,relevance,positive,J\xf6rg,\n"
        + csv_of("tag-1,relevance,positive,,", "", "tag-9,relevance,positive,ann,", header="tag-1,relevance,,ann,")
    )
    labels, problems = read_csv(content)
    assert [(label.line, label.item_id) for label in labels] == [(2, "tag-1"), (9, "tag-9")]
    told = sentences(problems)
    assert sorted(told) == [3, 4, 5, 6, 7]
    assert "close every quotation mark" in told[3]
    assert told[4].startswith("has 3 fields and the header 5")
    assert told[5] == "byte 27 of the line (0xf6) is no UTF-8: save the file as UTF-8"
    assert told[6].startswith("has no label:")
    assert told[7].startswith("has no annotator:")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("item_id;dimension;label;annotator", "the column item_id, dimension, label, annotator is missing"),
        ("item_id,dimension,label", "the column annotator is missing"),
        ("item_id,dimension,label,annotator,coment", "'coment' is unknown here"),
        ("item_id,dimension,label,annotator,label", "label is there twice"),
        ("Item_ID,dimension,label,annotator", "the column item_id is missing"),
    ],
)
def test_without_a_usable_header_the_first_line_is_all_that_is_told(header: str, said: str) -> None:
    labels, problems = read_csv(csv_of("x", "y", header=header))
    assert labels == []
    assert list(sentences(problems)) == [1]
    assert problems[0].sentence.startswith(said)


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_label_is_a_mistake(content: bytes) -> None:
    for read in (read_csv, read_json_lines):
        assert read(content) == ([], [Problem(1, "the file holds no label: write one a line")])
    assert read_csv(HEADER.encode())[1] == [Problem(1, "the file holds no label: write one a line")]


GOOD: dict[str, Any] = {"item_id": "tag-1", "dimension": "relevance", "label": "positive", "annotator": "ann"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON:"),
        pytest.param("[" * 100_000, "is no JSON:", id="nested"),
        ('["tag-1"]', "is no JSON object"),
        (json.dumps({**GOOD, "label": 1}), "label is no text"),
        (json.dumps({**GOOD, "label": None}), "has no label"),
        (json.dumps({name: GOOD[name] for name in ("item_id", "label")}), "has no dimension, annotator"),
        (json.dumps({**GOOD, "note": "x"}), "'note' is unknown here"),
        (json.dumps(GOOD)[:-1] + ', "label": "negative"}', "a field is there twice"),
        (json.dumps({**GOOD, "item_id": "\ud800"}), "item_id holds half a character"),
        (json.dumps(GOOD) + "\r" + json.dumps(GOOD), "holds a carriage return"),
    ],
)
def test_a_line_of_json_that_cannot_be_used(line: str, said: str) -> None:
    labels, problems = read_json_lines(f"{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n".encode())
    assert [label.line for label in labels] == [1, 3]
    assert sentences(problems)[2].startswith(said)


def test_a_file_in_another_encoding_is_told_at_its_first_line() -> None:
    labels, problems = read_csv(csv_of("tag-1,relevance,positive,ann,").decode().encode("utf-16"))
    assert labels == []
    assert sentences(problems)[1].startswith("byte 1 of the line (0xff) is no UTF-8")


# --- the meaning

KNOWN = [built("milk", "relevance", "positive"), given("milk", "validity", "negative", "ann")]


def label(line: int = 2, **other: Any) -> GivenLabel:
    fields = {"item_id": item("milk"), "dimension": "relevance", "label": "positive", "annotator": "ann"}
    return GivenLabel(line, **{**fields, "comment": None, **other})


def test_what_may_be_labelled() -> None:
    good = [
        label(),
        label(annotator="ben", label="negative"),
        label(dimension="specificity", label="neutral"),
        label(dimension="tier", label="S"),
        label(dimension="validity", label="negative"),  # as ann has said before
        label(),  # said twice
        label(dimension="consistency", annotator="a" * 60, comment="क्‍ष " * 200),
    ]
    assert check(good, KNOWN) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"item_id": "tag-0"}, "the item 'tag-0' is not among those to be labelled"),
        ({"dimension": "tone"}, "the dimension 'tone' is unknown: write one of relevance, consistency, specificity, "),
        ({"dimension": "Relevance"}, "the dimension 'Relevance' is unknown"),
        ({"label": "good"}, "the label 'good' is none of relevance: write one of negative, neutral, positive"),
        ({"label": "S"}, "the label 'S' is none of relevance"),
        ({"dimension": "tier"}, "the label 'positive' is none of tier: write one of S, A, B"),
        ({"annotator": "a" * 61}, "the annotator has 61 characters"),
        ({"annotator": "an\x1b[2Jn"}, r"the annotator 'an\x1b[2Jn' holds a control"),
        ({"annotator": "ann\u200b"}, r"the annotator 'ann\u200b' holds a control"),
        ({"comment": "a\tb"}, r"the comment 'a\tb' holds a control"),
        ({"comment": "a\u202eb"}, r"the comment 'a\u202eb' holds a control"),
        ({"comment": "a" * 1001}, "the comment has 1,001 characters"),
        ({"dimension": "validity"}, "contradicts what 'ann' gave in an earlier import ('negative')"),
        ({"item_id": "\x1b" + "x" * 500}, r"the item '\x1bxxxxx"),
    ],
)
def test_what_may_not(other: dict[str, str], said: str) -> None:
    (problem,) = check([label(7, **other)], KNOWN)
    assert (problem.line, problem.sentence[: len(said)]) == (7, said)
    assert len(problem.sentence) < 300


def test_a_line_is_told_all_that_is_wrong_with_it() -> None:
    problems = check([label(item_id="tag-0", label="good", annotator="\x00")], KNOWN)
    assert len(problems) == 3


def test_who_contradicts_himself_within_the_file_is_told_where() -> None:
    labels = [label(2), label(3, annotator="ben", label="neutral"), label(4, label="negative"), label(5)]
    (problem,) = check(labels, KNOWN)
    assert problem.line == 4
    assert problem.sentence.startswith("contradicts line 2, where 'ann' gave 'positive'")


def test_an_item_that_only_people_know_cannot_be_labelled() -> None:
    assert check([label()], KNOWN[1:])[0].sentence.startswith("the item ")
