"""Which page an audit's button leads to, and which files may be seen at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lake.registry.judge_records import CalibrationRecord, put
from lake.store.location import Lake
from plugins.data_docs_page import _app, below, page_of
from settings import LakeSettings, Settings
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


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The pages of a lake with one record, as somebody who is logged in sees them."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    lake = Lake.open(tmp_path / "lake")
    put(lake, RECORD)
    lake.write(f"_judge_plots/judge-1/{RECORD.name}/kappa.svg", b"<svg>1</svg>")
    lake.write("_judge_plots/secret.svg", b"<svg>2</svg>")
    settings = Settings(lake=LakeSettings(uri=lake.root, data_docs=tmp_path / "docs"))
    monkeypatch.setattr("settings.load_settings", lambda: settings)
    app = _app.__wrapped__()
    app.dependency_overrides[get_user] = lambda: None
    return TestClient(app)


RECORD = CalibrationRecord("judge-1", "d", {"labels": "a"}, "small", "2017-12-31", 0.4, {"outputs": 3})


def test_a_record_is_shown_with_its_plots(browser: Any) -> None:
    assert f'href="/data-docs/judges/judge-1/{RECORD.name}"' in browser.get("/judges").text
    page = browser.get(f"/judges/judge-1/{RECORD.name}")
    assert page.headers["content-type"].startswith("text/html")
    assert f'src="{RECORD.name}/kappa.svg"' in page.text
    plot = browser.get(f"/judges/judge-1/{RECORD.name}/kappa.svg")
    assert (plot.text, plot.headers["content-type"]) == ("<svg>1</svg>", "image/svg+xml")
    for shown in (page, plot):
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert shown.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "judge-1/none",
        "none/{name}",
        "..%2F..%2Flake/x",
        "judge-1/..%2Fx",
        "judge-1/{name}/none.svg",
        "judge-1/{name}/..%2F..%2Fsecret.svg",
        "judge-1/{name}/..",
        "judge-1/{name}/kappa.json",
        "judge-1",
    ],
)
def test_nothing_else_is_shown_below_judges(browser: Any, path: str) -> None:
    assert browser.get(f"/judges/{path.format(name=RECORD.name)}").status_code == 404


def test_nothing_is_written_below_judges(browser: Any) -> None:
    for method in ("post", "put", "delete", "patch"):
        assert getattr(browser, method)(f"/judges/judge-1/{RECORD.name}").status_code == 405


def test_a_changed_record_is_told(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "lake" / "_judges" / "judge-1" / f"{RECORD.name}.json"
    file.write_text(file.read_text().replace("small", "full"))
    answer = browser.get(f"/judges/judge-1/{RECORD.name}")
    assert answer.status_code == 503
    assert "was changed since it was written" in answer.json()["detail"]
