"""Ask a named reviewer whether a candidate becomes champion, and believe the answer only for the page that was read.

Airflow keeps the first page that a task shows: where the task runs again, after a gate decided anew, a reviewer reads
the old one. So the page's digest goes along in the form, and an approval counts only for the digest of the page as the
evidence gives it when the answer comes in. Airflow does not look at an answer's form values either; that is done here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import conf
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from runtime.errors import RETRYABLE, CommandError
from runtime.fingerprint import digest
from settings import ReviewSettings, load_settings
from tasks.review_page import of_evidence

COMMENT, SEEN = "comment", "seen"
APPROVE, REJECT = ApprovalOperator.APPROVE, ApprovalOperator.REJECT
ANEW = "clear this task, and answer again"
AGAIN = "start a new review of this candidate (Trigger, with its name)"


@dataclass(frozen=True)
class Page:
    """What a reviewer is shown.

    Args:
        evidence: its name. candidate: the release that would be champion.
        body: as Markdown.
    """

    evidence: str
    candidate: str
    body: str

    @property
    def digest(self) -> str:
        return digest([self.evidence, self.candidate, self.body])


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        choice: Approve or Reject. reviewer: their id in Airflow; empty where nobody answered in time.
        comment: theirs, empty where they wrote none.
    """

    choice: str
    reviewer: str
    comment: str

    @property
    def approves(self) -> bool:
        return self.choice == APPROVE


def everybody_is_admin() -> bool:
    """Whether Airflow takes everybody for its administrator (``[core] simple_auth_manager_all_admins``)."""
    simple = "SimpleAuthManager" in conf.get("core", "auth_manager", fallback="")
    return simple and conf.getboolean("core", "simple_auth_manager_all_admins", fallback=False)


def refuse_unnamed() -> None:
    """Refuse to ask, or to believe an answer, where Airflow does not know who answers.

    Raises:
        AirflowFailException: everybody is admin.
    """
    if everybody_is_admin():
        raise AirflowFailException(
            "Airflow takes everybody for its administrator ([core] simple_auth_manager_all_admins), so nobody would "
            "know who approved: switch it off, and clear this task."
        )


def answer_of(event: Mapping[str, Any], page: Page, settings: ReviewSettings) -> Answer:
    """The answer in what Airflow hands on, if it may count.

    Args:
        event: ``chosen_options``, ``params_input``, ``responded_by_user``, as the operator of Airflow gets it.
        page: as the evidence gives it now.

    Raises:
        AirflowFailException: the choice or a form value is none, somebody answered who is no reviewer, or approved
            another page. No retry helps.
    """
    if "error" in event:
        raise AirflowFailException(f"Airflow could not ask: {event['error']}")
    chosen, values = list(event.get("chosen_options") or ()), dict(event.get("params_input") or {})
    if chosen not in ([APPROVE], [REJECT]):
        raise AirflowFailException(f"The answer {chosen} is none of {APPROVE} and {REJECT}: {ANEW}.")
    if unknown := sorted(set(values) - {COMMENT, SEEN}):
        raise AirflowFailException(f"The form has no field {unknown[0]!r}: {ANEW}.")
    comment = values.get(COMMENT)
    if comment is not None and (not isinstance(comment, str) or len(comment) > settings.maximum_comment):
        raise AirflowFailException(f"A comment is a text of at most {settings.maximum_comment:,} characters: {ANEW}.")
    who = event.get("responded_by_user") or {}
    answer = Answer(chosen[0], str(who.get("id") or ""), (comment or "").strip())
    if answer.reviewer and answer.reviewer not in settings.reviewers:
        raise AirflowFailException(
            f"{answer.reviewer} is no reviewer; they are {', '.join(settings.reviewers)} "
            "(INTENTFLOW_REVIEW__REVIEWERS)."
        )
    if answer.approves and not answer.reviewer:
        raise AirflowFailException(f"Nobody is named who approved: {ANEW}.")
    if answer.approves and values.get(SEEN) != page.digest:
        raise AirflowFailException(
            f"{answer.reviewer} approved a page that is not that of the evidence {page.evidence}: the gate has decided "
            f"anew since, or the field {SEEN!r} was changed. Nobody is promoted; {AGAIN}."
        )
    return answer


def read_page(name: str) -> Page:
    """The page of some evidence, each of whose bytes is as the gate left it.

    Raises:
        AirflowFailException: there is no such evidence, it was changed, or it does not say GO.
        AirflowException: the lake does not answer; a retry may help.
    """
    # Imported here: the DAG file that imports this one is parsed every few seconds.
    from lake.registry import evidence
    from lake.store.location import Lake

    try:
        settings = load_settings()
        lake = Lake.open(settings.lake.uri)
        found, files = evidence.read(lake, name)
        if found.verdict != evidence.GO:
            raise AirflowFailException(f"The gate said {found.verdict} of {found.candidate}: nobody is asked.")
        report = lake.uri(f"{evidence.FOLDER}/{name}/{evidence.REPORT}")
        return Page(name, found.candidate, of_evidence(found, files, report, settings.canary))
    except CommandError as error:
        # After an answer, a retry asks anew: what was answered may not count for what is read then.
        raise (AirflowException if error.exit_code in RETRYABLE else AirflowFailException)(str(error)) from None


class ApproveEvidence(ApprovalOperator):
    """Waits for the answer of a named reviewer; whoever is silent rejects.

    It holds no worker while it waits. Rejected, it succeeds and skips the task after it.

    Args:
        evidence: templated; its name.
        params: those of the run, which Airflow hands to every task; no matter of the reviewer's form.
    """

    template_fields: Sequence[str] = ("evidence",)
    ui_color = "#fef7e0"

    def __init__(self, *, evidence: str, params: Any = None, **kwargs: Any) -> None:
        settings = load_settings().review
        super().__init__(
            subject="May this candidate become champion?",
            defaults=REJECT,
            response_timeout=timedelta(hours=settings.answer_hours),
            assigned_users=[{"id": name, "name": name} for name in settings.reviewers],
            params=form(settings.maximum_comment),
            **kwargs,
        )
        self.evidence = evidence

    def execute(self, context: Context) -> Any:
        refuse_unnamed()
        page = read_page(self.evidence)
        self.subject = f"May {page.candidate} become champion?"
        self.body = page.body
        self.params[SEEN] = seen_param(page.digest)
        self.log.info("%s is asked of %s.", page.candidate, ", ".join(load_settings().review.reviewers))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """The answer, which is the task's result; Airflow ends a task that skips what follows by an exception."""
        refuse_unnamed()
        page = read_page(self.evidence)
        answer = answer_of(event, page, load_settings().review)
        found = {
            "answer": answer.choice,
            "evidence": page.evidence,
            "candidate": page.candidate,
            "reviewer": answer.reviewer,
            "comment": answer.comment,
        }
        if answer.approves:
            self.log.info("%s approves %s. %s", answer.reviewer, page.candidate, answer.comment)
        else:
            who = answer.reviewer or "Nobody answered in time, which"
            self.log.warning("%s rejects %s. %s", who, page.candidate, answer.comment)
            # What skips does not return, so the answer is kept by hand.
            context["ti"].xcom_push(BaseXCom.XCOM_RETURN_KEY, found)
            self.skip(ti=context["ti"], tasks=context["task"].get_direct_relatives(upstream=False))
        return found


def form(maximum_comment: int) -> dict[str, Param]:
    """The form's fields, of which the digest is filled in when the page is known."""
    return {
        COMMENT: Param(
            None,
            type=["null", "string"],
            maxLength=maximum_comment,
            title="Comment",
            description="For the champion log.",
            source="task",
        ),
        SEEN: seen_param(""),
    }


def seen_param(shown: str) -> Param:
    """The field that says which page was read."""
    return Param(
        shown,
        type="string",
        enum=[shown],
        title="Seen",
        description="Names the page that you read. Leave it as it is.",
        source="task",
    )
