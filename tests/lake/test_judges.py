"""The judges of a lake for people: their standing by what is recorded, their records, and the plots beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lake.__main__ import main
from lake.auditing.figure_tables import FigureTable, tables_of, text_of
from lake.auditing.record_page import judges_page, record_page
from lake.registry import judges
from lake.registry.judge_records import CalibrationRecord, put
from lake.store.location import Lake
from settings import JudgeSettings

SETTINGS = JudgeSettings(valid_days=30, minimum_kappa=0.4)


def record(low: float | None = 0.45, **fields: Any) -> CalibrationRecord:
    made = CalibrationRecord(
        judge="judge-1",
        decides="code 1",
        data={"labels": "a1"},
        preset="full",
        day="2017-11-01",
        minimum_kappa=0.4,
        figures={"real_outputs": {"kappa": {"agent_tuned": {"value": 0.5, "low": low, "high": 0.6}}}},
    )
    return replace(made, **fields)


def test_of_a_judge_the_newest_full_record_decides(lake: Lake) -> None:
    assert judges.examined_judges(lake, SETTINGS) == []
    full, small = record(), record(preset="small", day="2017-12-31", decides="code 2")
    for one in (full, small, record(low=0.2, judge="judge-2")):
        put(lake, one)
    first, second = judges.examined_judges(lake, SETTINGS)
    assert (first.judge, first.standing.state, first.standing.record) == ("judge-1", "valid", full.name)
    assert [one.name for one in first.records] == [small.name, full.name]
    assert (second.judge, second.standing.state) == ("judge-2", "failing")


def test_a_judge_with_a_small_record_alone_is_small(lake: Lake) -> None:
    put(lake, record(preset="small"))
    assert [judge.standing.state for judge in judges.examined_judges(lake, SETTINGS)] == ["small"]


def test_a_record_expires_by_the_days_that_are_landed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, record())
    for landed, state in (("2017-10-01", "valid"), ("2017-11-30", "valid"), ("2017-12-01", "expired")):
        monkeypatch.setattr(judges, "newest_day", lambda _lake, landed=landed: landed)
        assert [judge.standing.state for judge in judges.examined_judges(lake, SETTINGS)] == [state], landed


# --- python -m lake judges


def typed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["lake", "judges", "--lake", lake.root])
    return main()


def test_judges_are_listed(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    passed, small = record(), record(preset="small", figures={})
    put(lake, passed)
    put(lake, small)
    assert typed(lake, monkeypatch) == 0
    judge, *rest = capsys.readouterr().out.splitlines()
    assert judge == "judge-1                   valid     The judge judge-1 passed its exam as of 2017-11-01."
    holds = "log until 2017-11-01, holds until 2017-12-01  kappa on real outputs"
    assert sorted(rest[:2]) == sorted(
        [f"    {passed.name}  full   {holds} 0.500 (0.450 to 0.600)", f"    {small.name}  small  {holds} not measured"]
    )
    assert rest[2] == judges.NOT_COMPARED


def test_a_lake_without_judges_says_so(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.write("_code/x.json", b"{}")
    assert typed(lake, monkeypatch) == 0
    assert capsys.readouterr().out == "No judge was examined on this lake yet: `make calibrate` does.\n"


def test_a_changed_record_is_told(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(lake, record())
    path = f"_judges/judge-1/{record().name}.json"
    lake.write(path, (lake.read(path) or b"").replace(b"0.45", b"0.55"))
    assert typed(lake, monkeypatch) == 65
    assert "was changed since it was written" in capsys.readouterr().err


# --- records and plots by their names


@pytest.mark.parametrize("name", ["..", "../judge-1", "a/b", "", ".", "a\0", "%2e%2e", "judge-1\n"])
def test_no_name_leads_out_of_the_records(lake: Lake, name: str) -> None:
    known = record()
    put(lake, known)
    lake.write("_judge_plots/judge-1/secret.svg", b"<svg/>")
    lake.write(f"_judge_plots/judge-1/{known.name}/kappa.svg", b"<svg>1</svg>")
    assert judges.find_record(lake, "judge-1", known.name) == known
    assert judges.read_plot(lake, "judge-1", known.name, "kappa.svg") == b"<svg>1</svg>"
    assert judges.find_record(lake, name, known.name) is None
    assert judges.find_record(lake, "judge-1", name) is None
    for plot in (name, f"{name}.svg", "../secret.svg", "kappa.html", "kappa.svg/..", "none.svg"):
        assert judges.read_plot(lake, "judge-1", known.name, plot) is None, plot
    assert judges.read_plot(lake, name, known.name, "kappa.svg") is None
    assert judges.read_plot(lake, "judge-1", name, "kappa.svg") is None


def test_only_plots_are_listed(lake: Lake) -> None:
    known = record()
    for name in ("kappa.svg", "a-b.svg", "notes.txt", '"><script>.svg'):
        lake.write(f"_judge_plots/judge-1/{known.name}/{name}", b"x")
    assert judges.plots_of(lake, known) == ["a-b.svg", "kappa.svg"]
    assert judges.plots_of(lake, record(day="2017-11-02")) == []


# --- figures as tables


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def test_what_has_the_same_columns_stands_in_one_table() -> None:
    figures = {
        "kappa": {"agent": interval(0.5), "one_shot": interval(0.25)},
        "accuracy": {"agent": interval(0.75), "one_shot": {"value": None, "low": None, "high": None}},
        "outputs": 1234,
        "false_flags": 0.0155,
        "real_outputs": {"kappa": {"agent": interval(0.5), "one_shot": interval(0.5)}, "bins": [1, 2]},
    }
    assert tables_of(figures) == [
        FigureTable(
            "The exam",
            ("agent", "one shot"),
            [
                ("kappa", ["0.500 (0.400 to 0.600)", "0.250 (0.150 to 0.350)"]),
                ("accuracy", ["0.750 (0.650 to 0.850)", "not measured"]),
            ],
        ),
        FigureTable("The exam", ("",), [("outputs", ["1,234"]), ("false flags", ["0.015"])]),
        FigureTable(
            "real outputs", ("agent", "one shot"), [("kappa", ["0.500 (0.400 to 0.600)", "0.500 (0.400 to 0.600)"])]
        ),
    ]
    assert tables_of({}) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not measured"),
        (float("nan"), "not measured"),
        (True, "True"),
        (0.5, "0.500"),
        ("S", "S"),
        (12000, "12,000"),
    ],
)
def test_texts(value: Any, text: str) -> None:
    assert text_of(value) == text


# --- pages

EVIL = '"><script>alert(1)</script>'


def test_a_page_says_what_decided_and_shows_the_plots(lake: Lake) -> None:
    known = record()
    put(lake, known)
    standing = judges.standing_by(lake, known, "", SETTINGS)
    page = record_page(known, standing, ["kappa.svg"], 30)
    assert '<span class="badge passed">valid</span> The judge judge-1 passed its exam' in page
    assert page.index("badge passed") < page.index("<img") < page.index("<h2>real outputs")
    assert f'src="{known.name}/kappa.svg"' in page
    assert "0.500 (0.450 to 0.600); its lower bound had to exceed 0.4" in page
    assert "holds until 2017-12-01" in page
    assert "follows from the record" not in page
    assert "proves that the exam works" not in page


def test_a_small_record_says_that_it_proves_nothing_and_what_decides(lake: Lake) -> None:
    full, small = record(low=0.1), record(preset="small")
    put(lake, full)
    put(lake, small)
    page = record_page(small, judges.standing_by(lake, small, "", SETTINGS), [], 30)
    assert '<span class="badge failed">failing</span>' in page
    assert "proves that the exam works, and nothing about the judge" in page
    assert f"follows from the record <code>{full.name}</code>" in page
    assert "<h2>Plots" not in page


def test_everything_shown_is_escaped(lake: Lake) -> None:
    evil = record(judge="judge-1", decides=EVIL, data={EVIL: EVIL}, figures={EVIL: {EVIL: 1, "b": EVIL}, "alone": EVIL})
    put(lake, evil)
    standing = replace(judges.standing_by(lake, evil, "", SETTINGS), reason=EVIL)
    page = record_page(evil, standing, [EVIL], 30)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") + page.count("%3Cscript%3E") >= 7
    overview = judges_page([judges.Examined(EVIL, standing, (replace(evil, judge=EVIL),))])
    assert "<script" not in overview
    assert 'href="/data-docs/judges/%22%3E%3Cscript' in overview
    assert "No judge was examined" in judges_page([])
