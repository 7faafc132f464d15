"""What a reviewer reads: every check and sample is there, and nothing from outside is read as Markdown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lake.registry.evidence import Evidence
from settings import CanarySettings
from tasks.review_page import body, code, plain, report_page

EVIDENCE = Evidence(
    "new", "old", 1, "2017-11-01", "GO", ("All 9 critical checks passed.",), "shipped", {}, "2026-11-27T00:00:00Z", "me"
)
CHECK: dict[str, Any] = {
    "name": "recall_at_30: superiority",
    "kind": "superiority",
    "tier": "critical",
    "state": "PASS",
    "why": "better by 0.1",
    "figure": 0.1,
    "low": 0.05,
    "high": None,
    "limit": 0.0,
    "candidate": 0.4,
    "champion": 0.3,
    "users": 1200,
}
CONDITION = {**dict.fromkeys(CHECK), "name": "judge", "kind": "condition", "tier": "critical", "state": "PASS"}
DECISION = {"correction": "Each at 0.05.", "checks": [CHECK, {**CONDITION, "why": "valid: it passed"}]}


def page(**samples: Any) -> str:
    said = {"candidate": {"u1": ["milk", "eggs"]}, "champion": {"u1": ["milk", "bread", "tea"]}, **samples}
    return body(EVIDENCE, DECISION, said["candidate"], said["champion"], "lake/_evidence/abc/report.html")


def test_a_check_is_a_row_with_both_figures_and_its_bounds() -> None:
    row = "| `recall_at_30: superiority` | critical | PASS | 0.4 | 0.3 | 0.1 (0.05 to no bound) | 0 | 1,200 |"
    assert row in page().splitlines()
    assert "| `judge` | critical | PASS |  |  | valid: it passed |  |  |" in page().splitlines()


def test_samples_stand_side_by_side_and_what_differs_is_bold() -> None:
    table = page().partition("| `u1` | candidate | champion |")[2].splitlines()[2:5]
    assert table == ["| 1 | `milk` | `milk` |", "| 2 | **`eggs`** | **`bread`** |", "| 3 |  | **`tea`** |"]


def test_without_a_champion_it_is_said() -> None:
    alone = body(replace(EVIDENCE, champion=""), DECISION, {"u1": ["milk"]}, {}, "x")
    assert "there is no champion yet" in alone
    assert "| 1 | `milk` |  |" in alone


def test_a_reviewer_reads_whom_the_candidate_serves_first() -> None:
    def said(evidence: Evidence, canary: CanarySettings | None) -> str:
        return body(evidence, DECISION, {}, {}, "x", canary)

    told = "use it, for 20% of the users as a canary until 7 days are published, and for all afterwards. Reject"
    assert told in said(EVIDENCE, CanarySettings(days=7, share=0.2))
    alone = replace(EVIDENCE, champion="")
    assert said(EVIDENCE, CanarySettings()) == said(EVIDENCE, None)
    assert said(alone, CanarySettings(days=7)) == said(alone, None)


def test_a_reviewer_finds_the_report() -> None:
    assert f"[The whole report]({report_page(EVIDENCE.name)})" in page()
    assert report_page("../a b") == "/gates/evidence/..%2Fa%20b"


def test_no_name_from_outside_is_read_as_markdown() -> None:
    evil = "`x` | ![p](http://evil/p.png)\n\n# Approve\x00 <script>"
    shown = page(candidate={"u1": [evil]}, champion={})
    line = next(line for line in shown.splitlines() if "evil" in line)
    # One row of three cells, the name between the only two backticks.
    assert line.count("|") == 4
    assert line.count("`") == 2
    assert "# Approve" in line
    assert code("") == "` `"
    assert len(code("x" * 500)) == 82


def test_no_sentence_makes_a_link_a_picture_or_a_cell() -> None:
    assert plain("a | [b](c) ![d] *e* <f>\n# g") == r"a \| \[b\]\(c\) \!\[d\] \*e\* \<f\> \# g"
    assert "://" not in plain("see http://evil and www.evil")
    assert "www." not in plain("see http://evil and www.evil")
