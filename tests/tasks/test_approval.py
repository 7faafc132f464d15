"""Whose answer counts, for which page, and what Airflow is asked to show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped, TaskAwaitingInput

from lake.registry import evidence
from lake.registry.evidence import Evidence
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from settings import LakeSettings, ReviewSettings, Settings
from tasks import approval
from tasks.approval import APPROVE, COMMENT, REJECT, SEEN, Answer, ApproveEvidence, Page, answer_of, read_page

PAGE = Page("0123456789abcdef", "new", "What is seen.")
AFTER = "promote"
REVIEWERS = ReviewSettings(reviewers=("anna", "ben"), maximum_comment=10)


def event(choice: str = APPROVE, who: str | None = "anna", **values: Any) -> dict[str, Any]:
    """An answer as Airflow hands it on."""
    return {
        "chosen_options": [choice],
        "params_input": {COMMENT: None, SEEN: PAGE.digest, **values},
        "responded_at": datetime.now(UTC),
        "responded_by_user": who and {"id": who, "name": who},
        "timedout": who is None,
    }


def test_an_approval_names_its_reviewer() -> None:
    assert answer_of(event(comment=" fine "), PAGE, REVIEWERS) == Answer(APPROVE, "anna", "fine")
    assert answer_of(event(REJECT, "ben"), PAGE, REVIEWERS) == Answer(REJECT, "ben", "")


def test_who_is_silent_rejects() -> None:
    # What Airflow makes of a time-out: the default, by nobody, with the form as it was shown.
    answer = answer_of(event(REJECT, None), PAGE, REVIEWERS)
    assert (answer.approves, answer.reviewer) == (False, "")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (event(who=None), "Nobody is named"),
        (event(who="admin"), "admin is no reviewer; they are anna, ben"),
        (event(REJECT, "admin"), "admin is no reviewer"),
        (event(seen="an older page"), "approved a page that is not that of the evidence 0123456789abcdef"),
        (event(seen=None), "approved a page"),
        ({**event(), "params_input": {}}, "approved a page"),
        ({**event(), "params_input": None}, "approved a page"),
        (event(comment="x" * 11), "at most 10 characters"),
        (event(comment=7), "A comment is a text"),
        (event(share=2), "no field 'share'"),
        (event("Perhaps"), "none of Approve and Reject"),
        ({**event(), "chosen_options": []}, "none of Approve and Reject"),
        ({**event(), "chosen_options": [APPROVE, REJECT]}, "none of Approve and Reject"),
        ({"error": "it broke", "error_type": "timeout"}, "could not ask: it broke"),
    ],
)
def test_what_does_not_count_promotes_nobody(answer: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        answer_of(answer, PAGE, REVIEWERS)


def test_every_part_of_a_page_is_in_its_digest() -> None:
    changed = [replace(PAGE, **{name: "another"}) for name in ("evidence", "candidate", "body")]
    assert len({PAGE.digest, *(page.digest for page in changed)}) == 4


# --- the task, on evidence of a real lake


class Instance:
    """Stands for the task's instance, and keeps what was skipped."""

    id, map_index = "7", -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    found = Settings(lake=LakeSettings(uri=str(tmp_path / "lake")), review=REVIEWERS)
    monkeypatch.setattr(approval, "load_settings", lambda: found)
    return Lake.open(tmp_path / "lake")


def decided(lake: Lake, at: str = "then", verdict: str = "GO", user: str = "u1") -> str:
    """Evidence of a gate."""
    header = Header("new", "2017-11-01", "h", "o", "s", {}, {}, {user: ["milk"]})
    results = UserResults(header, pa.table({"user_id": [user]}))
    made = Evidence("new", "old", 1, "2017-11-01", verdict, ("Because.",), "shipped", {}, at, "me")
    decision = json.dumps({"correction": "None.", "checks": []}).encode()
    files = {"decision.json": decision, "candidate.parquet": results.parquet(), "report.html": b"<p>"}
    return evidence.put(lake, made, files).name


def asking(name: str) -> ApproveEvidence:
    task = ApproveEvidence(task_id="approval", evidence=name)
    task.allow_nested_operators = True
    return task


def asked(task: ApproveEvidence, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow is asked to show."""
    shown: dict[str, Any] = {}
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", shown.update)
    with pytest.raises(TaskAwaitingInput) as parked:
        task.execute(context())
    return {**shown, "timeout": parked.value.timeout}


def context() -> Any:
    instance = Instance()
    return {
        "task_instance": instance,
        "ti": instance,
        "task": SimpleNamespace(get_direct_relatives=lambda upstream: [EmptyOperator(task_id=AFTER)]),
    }


def answered(shown: Mapping[str, Any], choice: str = APPROVE, who: str | None = "anna") -> dict[str, Any]:
    """The form sent as it was shown."""
    values = {name: field["value"] for name, field in shown["params"].items()}
    return {**event(choice, who), "params_input": values}


def test_named_reviewers_are_asked_with_the_page_and_silence_rejects(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = decided(lake)
    shown = asked(asking(name), monkeypatch)
    assert [user["id"] for user in shown["assigned_users"]] == ["anna", "ben"]
    assert shown["defaults"] == [REJECT]
    assert shown["timeout"].total_seconds() == 48 * 3600
    assert name in shown["body"]
    assert "`milk`" in shown["body"]
    assert set(shown["params"]) == {COMMENT, SEEN}
    assert shown["params"][SEEN]["value"] == read_page(name).digest


def test_an_approval_of_what_was_seen_counts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    name = decided(lake)
    shown = asked(asking(name), monkeypatch)
    # Another process resumes it.
    found = asking(name).execute_complete(context(), answered(shown))
    assert found == {"answer": APPROVE, "evidence": name, "candidate": "new", "reviewer": "anna", "comment": ""}


def test_an_approval_of_an_older_gates_page_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    # Airflow keeps the first page when the gate is cleared and decides anew.
    shown = asked(asking(decided(lake, "then")), monkeypatch)
    with pytest.raises(AirflowFailException, match="the gate has decided anew since"):
        asking(decided(lake, "later")).execute_complete(context(), answered(shown))


@pytest.mark.parametrize("who", ["ben", None])
def test_a_rejection_is_kept_and_skips_what_follows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, who: str | None
) -> None:
    name = decided(lake)
    shown = asked(asking(name), monkeypatch)
    task, run = asking(name), context()
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        task.execute_complete(run, answered(shown, REJECT, who))
    assert [one if isinstance(one, str) else one[0] for one in skipped.value.tasks] == [AFTER]
    kept = run["ti"].pushed[BaseXCom.XCOM_RETURN_KEY]
    assert (kept["answer"], kept["reviewer"], kept["evidence"]) == (REJECT, who or "", name)


def test_nobody_is_asked_about_what_is_no_go_or_was_changed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="The gate said NO-GO of new: nobody is asked"):
        asking(decided(lake, verdict="NO-GO")).execute(context())
    name = decided(lake)
    shown = asked(asking(name), monkeypatch)
    (Path(lake.root) / evidence.FOLDER / name / "report.html").write_bytes(b"<b>")
    with pytest.raises(AirflowFailException, match="was changed since the gate decided"):
        asking(name).execute_complete(context(), answered(shown))


def test_where_everybody_is_admin_nobody_is_asked_or_believed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    name = decided(lake)
    shown = asked(asking(name), monkeypatch)
    simple = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", simple)
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    with pytest.raises(AirflowFailException, match="everybody for its administrator"):
        asking(name).execute(context())
    with pytest.raises(AirflowFailException, match="everybody for its administrator"):
        asking(name).execute_complete(context(), answered(shown))
