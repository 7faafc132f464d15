"""# From a candidate release to the champion, by a gate and a person

Measures candidate and champion on one frozen evaluation day, on the same users; has judges say how many of their tags
are superior, and how many of the captions pass that they write for these; tries whether the candidate loads, answers
and belongs to this lake; has a gate decide by the policy; asks a named reviewer after GO; and makes the candidate
champion when they approve.

**Owner:** intentflow.

**Reads:** the candidate and the champion; the log, items and profiles of the source where days are not landed yet;
`holdout`, `rollups`, `entities`, `entity_vectors`, `items`; the policy (`INTENTFLOW_GATE__POLICY`); the judges with
the records of their exams; the ledger of openings.

**Writes:** what `daily_refresh` writes until `contexts`, for the days that are measured; `holdout`, where the day was
not frozen; two looks in the ledger of openings; results user by user; the record of the candidate's check; the
evidence with its report; and a record in the champion log. Answers of the model are kept in a lake apart. No row in
`days`: nothing is published to readers.

The run starts by itself when a retraining leaves a candidate (asset `candidates`), where this DAG is unpaused. After
NO-GO and INCONCLUSIVE nobody is asked, and the run is red at `held_back`, which says why. While a person is asked
(`approval`, state *awaiting input*; the page stands in Required Actions) no worker is held. Whoever is silent for
`INTENTFLOW_REVIEW__ANSWER_HOURS` rejects. Rejected, the run is green and `promote` skipped.

## When it fails

The last error in the failed task's log is one sentence that says what to do. Clearing the failed task continues the
run; measured results and given answers are kept.

- `plan`: no candidate, no such release, no such policy, or a day that is no evaluation day. Trigger it again with the
  form filled in as the sentence says.
- `land`, `compress`: as in `daily_refresh`. `embed`: the embedder had no memory. Make room, clear it.
- `freeze`: another split rule, or other outcomes, were frozen here before. The sentence says what to restore.
- `measure`: a release may know whom this lake holds out, or learnt after the day; or memory: make room, clear it.
- `judge`: the judge's release cannot be read, or there is no memory. Without standing it judges nothing, which the
  gate tells.
- `captions`: the folder of the judge of captions (`INTENTFLOW_CAPTION_JUDGE__RELEASE`) is missing or was changed, or
  there is no memory: make room, clear it; captions so far are kept. Without standing, and where no captions are written
  (`INTENTFLOW_EXPLANATIONS__TAGS=0`), nothing is judged, which the gate tells.
- `check_release`: there is no model or no embedder. A release that does not load is no failure here: the gate says so.
- `gate`: the gate failed by itself (exit code 69), its evidence says NO-GO; clear it when the cause is mended.
- `held_back`: no breakdown but the verdict. Read the report; do not clear it. An override is
  `python -m lake override EVIDENCE --reason WHY`.
- `approval`: an answer that does not count: by nobody who is named, with a form value that is none, or on a page that
  is no longer that of the evidence. Airflow goes on showing the page that the task asked with first, so after a gate
  was cleared start a new review of the candidate. Else clear it, and answer again.
- `promote`: somebody else was promoted since the gate decided: review the candidate against that champion. Evidence
  or a release was changed: find out by whom.

## Run it for other days

Trigger it with `candidate`, and with `day` and `policy` where others than the settings' are wanted. There is nothing
to backfill. Each measurement is a look at the day's outcomes, and a day is good for as many as the policy says; the
same releases measured again are no new look.
"""

from __future__ import annotations

from airflow.sdk import chain, dag, task_group

from tasks import review as steps
from tasks.assets import CANDIDATES
from tasks.command import model_step, spark_job
from tasks.form import REVIEW_PARAMS
from tasks.judge_exam import freeze
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.publishing import publish


@task_group
def land() -> None:
    """The log until the last outcome of the evaluation day; skipped where all of it is landed and rolled up."""
    days = ("--from", steps.UNTIL, "--to", steps.UNTIL)
    staged = spark_job("land", *days, "--with-earlier-days", task_id="stage", when=steps.LANDS)
    published = publish(staged)
    rolled_up = steps.roll_up()
    published >> rolled_up
    publish(rolled_up, task_id="publish_roll_up")


@task_group
def compress() -> None:
    """Signals and contexts of the days that are measured, that weights are fitted on, and that show whom a release
    knows."""
    days = steps.days()
    publish(steps.of_each_day("signals", "signals", days), steps.of_each_day("compress", "contexts", days))


@task_group
def measure() -> None:
    """First the candidate, then the champion on the same users; skipped where nobody is champion."""
    steps.measure(steps.OF_CANDIDATE, steps.CANDIDATE) >> steps.measure(
        steps.OF_CHAMPION, steps.CHAMPION, when=steps.CHAMPION
    )


@task_group
def judge() -> None:
    """Tags of the candidate and, of the same users, of the champion; a judge without standing judges none."""
    steps.judge(steps.OF_CANDIDATE, steps.CANDIDATE) >> steps.judge(
        steps.OF_CHAMPION, steps.CHAMPION, when=steps.CHAMPION
    )


@task_group
def captions() -> None:
    """What both write for items of their tags is judged, too; where there is no judge, or no captions, nothing is."""
    steps.judge_captions(steps.OF_CANDIDATE, steps.CANDIDATE) >> steps.judge_captions(
        steps.OF_CHAMPION, steps.CHAMPION, when=steps.CHAMPION
    )


@dag(
    schedule=[CANDIDATES],
    catchup=False,
    is_paused_upon_creation=True,
    # The next candidate meets whoever is champion then.
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=REVIEW_PARAMS,
    tags=[Tag.REVIEW],
    description="From a candidate release to the champion, by a gate and a person.",
    doc_md=__doc__,
)
def review() -> None:
    decided = steps.gate()
    chain(
        steps.plan_review(),
        land(),
        compress(),
        freeze(steps.FREEZES),
        model_step("embed"),
        measure(),
        judge(),
        captions(),
        steps.check_release(),
        decided,
    )
    decided >> steps.held_back()
    decided >> steps.ask() >> steps.promote()


review()
