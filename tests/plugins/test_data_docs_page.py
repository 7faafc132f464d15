"""Which page an audit's button leads to, and which files may be seen at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.data_docs_page import below, page_of
from tasks.publishing import AuditAndPublish, DataDocsLink

PASSED: dict[str, Any] = {"success": True, "data_docs": "validations/entities/1.html"}
FAILED: dict[str, Any] = {"success": False, "data_docs": "validations/behaviors/2.html"}


@pytest.mark.parametrize(
    ("verdicts", "page"),
    [
        ([PASSED, FAILED], FAILED["data_docs"]),
        ([PASSED], PASSED["data_docs"]),
        ([{"success": True}], "index.html"),  # published without an audit of its own
        ([], "index.html"),
    ],
)
def test_what_failed_is_shown_first(verdicts: list[dict[str, Any]], page: str) -> None:
    assert page_of(verdicts) == page


def test_only_pages_below_the_folder_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "validations").mkdir(parents=True)
    (folder / ".results").mkdir()
    for name in ("index.html", "validations/1.html", ".results/raw.html", "data.json", "../outside.html"):
        (folder / name).write_text("x")
    assert below(folder, "validations/1.html") == folder / "validations/1.html"
    for name in (".results/raw.html", "data.json", "../outside.html", "none.html", "\0.html", "a" * 300 + ".html", ""):
        assert below(folder, name) is None, name


def test_the_button_names_the_batches_of_all_shards() -> None:
    shards = [{"batches": ["_batches/intents/a.json", "_batches/failures/b.json"]}, {"batches": []}]
    operator = AuditAndPublish(task_id="publish", manifests=[shards, {"batches": ["_batches/signals/c.json"]}])
    link = DataDocsLink().get_link(operator, ti_key=None)  # type: ignore[arg-type]
    assert link == (
        "/data-docs/?batch=_batches%2Fintents%2Fa.json&batch=_batches%2Ffailures%2Fb.json"
        "&batch=_batches%2Fsignals%2Fc.json"
    )
