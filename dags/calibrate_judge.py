"""# The exam of a judge of tags

Lands what tells what held-out users bought after an evaluation day, builds the labels that follow from it, examines a
judge on them, with attacks, and keeps what was found as a record that nobody changes. Only a judge with a valid record
may judge.

**Owner:** intentflow.

**Reads:** the log, items and profiles of the source that the settings name; the model folder; the judge's release
(`INTENTFLOW_JUDGE__RELEASE`); `intents` of evaluation days, of this lake and of those that `outputs` names; people's
labels in `judge_labels`.

**Writes:** `behaviors`, `rejected_behaviors`, `items`, `profiles`, `entities`, `rollups`, `entity_vectors`, `holdout`,
`judge_labels`, `answers`, and a calibration record with its plots. Where no release has written for held-out users on
an evaluation day, also `signals`, `contexts`, `intents` and `failures` of the newest one: a judge is examined on tags
that were really written. No row in `days`: nothing is published to readers of days.

The preset `small` takes one training day, the newest evaluation day and few users: it proves within 15 minutes on two
cores that all of it works, and its record lets no judge judge. `full` takes all evaluation days and all users; it takes
hours. The exam's button leads to the record's page with its plots. A judge that does not pass is no failure of the run:
the record says so.

## When it fails

The last error in the failed task's log is one sentence that says what to do. Clearing the failed task continues the
run; finished work is not done again.

- `days`: the log has no evaluation day with enough days after it. The sentence says until when the log is there.
- `champion`: as in `daily_refresh`; skipped where there are outputs already.
- `land`, `compress`, `infer`: as in `daily_refresh`. `land.stage` leaves out an earlier day with too many unusable rows
  and says so; then `freeze` or `labels` names the day that is missing.
- `embed`: the embedder had no memory. Make room, clear it.
- `freeze`: another split rule, or other outcomes, were frozen here before. The sentence says what to restore.
- `labels`: a label that is there says something else than it would say now, mostly for other settings
  (`INTENTFLOW_JUDGE_LABELS__...`) or another log; or a lake that `outputs` names has no `intents`.
- `tune`: memory, mostly; make room and clear it: it goes on from its last kept state. Skipped unless `judge` is `tune`.
- `exam`: the engine did not start or died, mostly for memory: make room, clear it; answers are kept. A judge of another
  language model or other prompts is refused with a sentence, and so is a lake without a shipped judge: tune one.

## Run it for other days

Trigger it, or `make calibrate PRESET=small`: there is no schedule and nothing to backfill, for the days follow from
`evaluation/logs/`, the newest that have enough days after them. A day that is added there is examined from then on.
`python -m lake judges` shows every judge with its records and whether it may judge.
"""

from __future__ import annotations

from airflow.sdk import chain, dag, task_group

from tasks.champion import DTYPE, RELEASE, take_champion
from tasks.chosen_days import chosen
from tasks.command import model_step, spark_job
from tasks.exam_days import choose_days
from tasks.form import CALIBRATION_PARAMS, FORCE
from tasks.judge_exam import examine, freeze, tune
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.publishing import publish

DAY, UNTIL, USERS, WRITES = chosen("day"), chosen("until"), chosen("users"), chosen("writes")


@task_group
def land() -> None:
    """The log until the last day that tells what users did; what is landed already stays as it is."""
    publish(spark_job("land", "--from", UNTIL, "--to", UNTIL, "--with-earlier-days", FORCE, task_id="stage"))


@task_group
def compress() -> None:
    """Roll-ups until the evaluation day, of which the evidence is made; contexts where tags are to be written."""
    rolled_up = spark_job("roll_up", "--day", DAY, FORCE)
    published = publish(rolled_up, task_id="publish_roll_up")
    signals = spark_job("signals", "--day", DAY, when=WRITES)
    contexts = spark_job("compress", "--day", DAY, task_id="contexts", when=WRITES)
    published >> [signals, contexts]
    publish(signals, contexts)


@task_group
def infer() -> None:
    """The champion's own tags, where no release has written any."""
    publish(model_step("infer", "--day", DAY, USERS, RELEASE, DTYPE, task_id="stage", when=WRITES))


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=True,
    # Two would land the same days and build the same labels.
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=CALIBRATION_PARAMS,
    tags=[Tag.JUDGE],
    description="The exam of a judge of tags: may it judge?",
    doc_md=__doc__,
)
def calibrate_judge() -> None:
    embed = model_step("embed", chosen("embed"))
    labels = model_step("build_judge_labels", chosen("labels"), task_id="labels")
    chain(choose_days(), take_champion(WRITES), land(), compress(), embed, infer(), freeze(), labels, tune(), examine())


calibrate_judge()
