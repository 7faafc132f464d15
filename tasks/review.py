"""What a review is made of: which candidate, measured on what, decided by a gate, and what follows from the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink, Context, TriggerRule, get_current_context, task
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
from airflow.sdk.types import TaskInstanceKey

from settings import load_settings
from tasks.approval import ApproveEvidence
from tasks.assets import CANDIDATES
from tasks.command import Command, outcome, spark_job
from tasks.policy import MODEL_TIMEOUT, SPARK_TIMEOUT, heavy_pool, model_pool
from tasks.review_page import PAGES, report_page

PLAN, GATE, APPROVAL, HELD_BACK = "plan", "gate", "approval", "held_back"
OF_CANDIDATE, OF_CHAMPION = "measure.candidate", "measure.champion"
GO = "GO"


def left(task_id: str, name: str) -> str:
    """A template of what a task's manifest names."""
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}')['{name}'] }}}}"


CANDIDATE, CHAMPION = left(PLAN, "candidate"), left(PLAN, "champion")
DAY, UNTIL = left(PLAN, "day"), left(PLAN, "until")
LANDS = f"{{{{ 'yes' if ti.xcom_pull(task_ids='{PLAN}')['lands'] else '' }}}}"
FREEZES = f"--day={DAY}"


def policy_file() -> str:
    """A template of the policy's argument: a file beside that of the settings; nothing where none is asked for."""
    folder = load_settings().gate.policy.parent
    return f"{{{{ '--policy={folder}/%s.yaml' % params.policy if params.policy else '' }}}}"


def candidate_of(asked: str | None, told: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The candidate of a run, and the other ones that it was told of.

    Args:
        asked: by the form. told: what the events say that started the run, oldest first.

    Raises:
        AirflowFailException: there is none.
    """
    names = list(dict.fromkeys(str(event["release"]) for event in told if event.get("release")))
    chosen = asked or (names[-1] if names else "")
    if not chosen:
        raise AirflowFailException(
            "This run has no candidate: trigger it with `candidate` filled in, the name of a release on the lake, or "
            "let a retraining start it."
        )
    return chosen, [name for name in names if name != chosen]


class PlanReview(Command):
    """Finds out which releases are compared on which day, and what is to be made before."""

    def __init__(self, **kwargs: Any) -> None:
        options = [policy_file(), "{{ '--day=%s' % params.day if params.day else '' }}"]
        super().__init__(module="evaluation.review_plan", arguments=options, **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        events = context["triggering_asset_events"]
        told = [event.extra or {} for event in events[CANDIDATES]] if CANDIDATES in events else []
        candidate, others = candidate_of(context["params"]["candidate"], told)
        if others:
            self.log.warning(
                "This run reviews %s and leaves out what it was told of, too: %s. Trigger a review of each that still "
                "matters.",
                candidate,
                ", ".join(others),
            )
        self.arguments = [f"--candidate={candidate}", *self.arguments]
        return super().execute(context)


class ReportLink(BaseOperatorLink):
    """The task's button: to the report of its evidence; of a gate that left none, to all decisions."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        manifest = getattr(operator, "manifest", None)
        return report_page(manifest["evidence"]) if manifest else PAGES


class Gate(Command):
    """Decides on the candidate. After GO a person is asked; else the task ``held_back`` says so, and nobody is."""

    ui_color = "#fce8e6"
    operator_extra_links = (ReportLink(),)
    manifest: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        lines = [line for argument in self.arguments for line in argument.splitlines()]
        self.manifest = self.report(outcome(self.command(self.module, lines)))
        # What skips does not return, so the result is kept by hand.
        context["ti"].xcom_push(BaseXCom.XCOM_RETURN_KEY, self.manifest)
        raise DownstreamTasksSkipped(tasks=[HELD_BACK if self.manifest["verdict"] == GO else APPROVAL])


class HeldBack(BaseOperator):
    """Fails with what the gate said, so that a run in which nobody could be promoted is seen to be one.

    Args:
        evidence: templated; its name.
    """

    template_fields: Sequence[str] = ("evidence",)
    ui_color = "#fce8e6"

    def __init__(self, *, evidence: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evidence = evidence

    def execute(self, context: Context) -> None:
        # Imported here: the DAG file that imports this one is parsed every few seconds.
        from lake.registry.evidence import head
        from lake.store.location import Lake

        found = head(Lake.open(load_settings().lake.uri), self.evidence)
        raise AirflowFailException(
            f"{found.verdict}: {found.candidate} is not promoted, and nobody was asked. {' '.join(found.why)} The "
            f"report: {report_page(found.name)}."
        )


def plan_review() -> Any:
    """The first task of a review."""
    return PlanReview(task_id=PLAN).output


@task(trigger_rule=TriggerRule.NONE_FAILED)
def days() -> list[list[str]]:
    """Arguments of the days whose contexts are read, one list a day."""
    found = get_current_context()["ti"].xcom_pull(task_ids=PLAN)
    return [["--day", day] for day in found["compressed"]]


def of_each_day(job: str, task_id: str, arguments: Any) -> Any:
    """A Spark job on each of the days; returns all manifests."""
    return (
        Command.partial(
            task_id=task_id,
            module=f"spark_jobs.{job}",
            pool=heavy_pool(),
            execution_timeout=SPARK_TIMEOUT,
            map_index_template="{{ task.arguments[-1] }}",
        )
        .expand(arguments=arguments)
        .output
    )


def roll_up() -> Any:
    """Roll-ups of the log until the last outcome."""
    return spark_job("roll_up", "--day", UNTIL, when=LANDS)


def measure(task_id: str, release: str, when: str | None = None) -> Any:
    """Measure a release on the frozen day, which is a look that the ledger counts; answers are kept."""
    review = load_settings().review
    sizes = (f"--users={review.users}", f"--tuning-users={review.tuning_users}")
    return _model_command(task_id, "model_steps.evaluate", f"--release={release}", f"--day={DAY}", *sizes, when=when)


def judge(measured: str, release: str, when: str | None = None) -> Any:
    """Have the judge say what a measured release's tags are worth.

    Args:
        measured: the task that measured it.
    """
    return _of_measured("model_steps.judge_candidate", measured, release, when)


def judge_captions(measured: str, release: str, when: str | None = None) -> Any:
    """Have a measured release write captions, and the judge of captions look at them.

    Args:
        measured: the task that measured it.
    """
    return _of_measured("model_steps.judge_candidate_captions", measured, release, when)


def check_release() -> Any:
    """Does the candidate load, answer and belong to this lake?"""
    return _model_command("check_release", "model_steps.check_release", f"--release={CANDIDATE}", f"--day={DAY}")


def gate() -> Any:
    """Decide; returns the gate's manifest."""
    beside = f"ti.xcom_pull(task_ids='{OF_CHAMPION}')"
    arguments = (
        f"--candidate={CANDIDATE}",
        f"--results={left(OF_CANDIDATE, 'results')}",
        f"{{{{ '--champion-results=%s' % {beside}['results'] if {beside} else '' }}}}",
        policy_file(),
    )
    return Gate(
        task_id=GATE, module="model_steps.gate", arguments=arguments, trigger_rule=TriggerRule.NONE_FAILED
    ).output


def held_back() -> BaseOperator:
    """Where a candidate ends whom the gate did not let through."""
    return HeldBack(task_id=HELD_BACK, evidence=left(GATE, "evidence"))


def ask() -> BaseOperator:
    """Where a person decides."""
    return ApproveEvidence(task_id=APPROVAL, evidence=left(GATE, "evidence"))


def promote() -> Any:
    """Make champion what was approved: the evidence that the reviewer saw, whatever a gate left since."""
    seen = (f"--{name}={left(APPROVAL, name)}" for name in ("evidence", "reviewer"))
    return PromoteApproved(task_id="promote", module="lake.promote", arguments=tuple(seen)).output


class PromoteApproved(Command):
    """Promotes; a reviewer's comment is one argument, however many lines it has."""

    def execute(self, context: Context) -> dict[str, Any]:
        comment = str(context["ti"].xcom_pull(task_ids=APPROVAL)["comment"])
        return self.report(outcome(self.command(self.module, [*self.arguments, f"--comment={comment}"])))


def _of_measured(module: str, measured: str, release: str, when: str | None) -> Any:
    found = f"ti.xcom_pull(task_ids='{measured}')"
    results = f"{{{{ '--results=%s' % {found}['results'] if {found} else '' }}}}"
    return _model_command(measured, module, f"--release={release}", f"--day={DAY}", results, when=when)


def _model_command(task_id: str, module: str, *arguments: str, when: str | None = None) -> Any:
    return Command(
        task_id=task_id.rpartition(".")[2],
        module=module,
        arguments=arguments,
        when=when,
        pool=model_pool(),
        execution_timeout=MODEL_TIMEOUT,
        trigger_rule=TriggerRule.NONE_FAILED,
    ).output
