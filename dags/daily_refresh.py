"""# From one day of a shop's log to each user's intents

For one day (the run's partition key; UTC, or the shop's own where its log says so): lands the day's behaviors (and
those of earlier days that never were, or that late rows came for), compresses each user's history, asks the language
model what each user intends to buy next and why, has it write captions for items of the best of these tags, has judges
look at the tags and at the captions of a sample of users, and publishes the day as a whole.

**Owner:** intentflow.

**Reads:** the log, items and profiles of the source that the settings name; the model folder; the champion, once, and
on a day of a canary the champion before it, each for its users; the judges with the records of their exams.

**Writes:** `behaviors`, `rejected_behaviors`, `items`, `profiles`, `entities`, `rollups`, `signals`, `contexts`,
`entity_vectors`, `answers`, `intents`, `personas`, `explanations`, `failures`, `verdicts` and `caption_verdicts` on a
sample, and one row in `days`, which pins the versions of the tables by day. Emits the asset `intents`, one event a day,
with release, figures, and whether its tags (`judged`) and its captions (`captions_judged`) were judged.

Every task runs one command, shown in its log, that also runs alone from a shell. Steps stage; a `publish` task has
Great Expectations judge what was staged and makes visible what passed, all of it or nothing: until `publish_day` is
green, readers through `days` see the day as it was before. Skipped `publish` tasks mean: all of it was published
already, and nothing it depends on has changed; of `judge` they may also mean that the judge has no standing, or that
there are no captions.

No judge holds a day back. A red task of `judge` does not make the run fail: the day is published without its verdicts,
and its event and the log of `publish_day` say why. The row in `days` says of tags why (`judged`), and of captions how
many were judged (`caption_verdicts.captions` among its figures). What stops one judge does not stop the other.

## When it fails

The last error in the failed task's log is one sentence that says what to do. What a retry can help was tried three
times already. Clearing the failed task continues the run; finished work is not done again.

- `champion`: the champion log or the release it names cannot be read. `python -m lake champions` shows the log.
- `split`: Airflow itself could not run it, for it only counts shards, of which a canary's users have their own. Clear
  it.
- `land.arrived`: the log of this day did not arrive before the deadline (its log says what was missing), or the run
  has no day. Ask who delivers it and clear the task, or trigger a run with a day.
- `land.stage`: a column is missing, renamed or of another type, or a file is damaged. Repair the source, clear it.
- `land.publish`: too many rows broke a rule. The log names rules, rows and the Data Docs page. Repair the source, clear
  `land.stage`.
- `compress`: Spark had no memory or no disk. Make room, or lower `INTENTFLOW_SPARK__DRIVER_MEMORY`; clear the task.
- `embed`, `infer.shard`: the engine did not start or died, mostly for memory. Make room, or trigger with more shards;
  answers that were given already are kept.
- `infer.shard` says that the release was made with another model, embedder or prompts: the sentence names the setting
  to change, or make a release of what is there and promote it.
- `infer.publish`: too many users failed, or some have wrong tags, or tags of a release that does not serve
  them. Read `failures` of this day, repair the cause, clear `infer.shard`.
- `infer.publish` names a rule of `explanations`: a caption broke a rule after all, or is of no tag, item or user of the
  day. That is a mistake in the code: report it. `INTENTFLOW_EXPLANATIONS__TAGS=0` and a cleared `infer.shard` publish
  the day without captions. Items for which no caption kept the rules hold nothing back: they are rows of `failures`,
  under the step `explain`.
- `judge.sample`: the judge failed, or was ended after `INTENTFLOW_JUDGE__TIME_LIMIT_SECONDS` (and
  `INTENTFLOW_JUDGE__GRACE_SECONDS`), and is not tried again by itself. The day is published without verdicts. Clear it
  with what comes after it: answers that it has are kept, and `publish_day` pins the verdicts. Its log warns where a
  tier's share left its usual band: look at the verdicts, then at what changed, the release or the log.
- `judge.captions`: the judge's folder (`INTENTFLOW_CAPTION_JUDGE__RELEASE`) is missing or was changed, or an explained
  item has left the catalog. The log says what to do; clear it with what comes after it. Its log warns where the share
  of captions that pass left its usual band.
- `judge.publish`, `judge.publish_captions`: verdicts broke a rule of their table. The log names it and the Data Docs
  page.
- `judged` succeeds however judging ended, so that the day is not held back. There is nothing to do about it.
- `publish_day`: a table has nothing for this day, or the shards used other releases than they should. Clear the task
  that the log names.
- any `publish`: another run published this day at the same time, and its result stands. Leave it, or clear the run.
- a task stays queued: the pool of the heavy tasks is full or does not exist. Look at Admin, Pools.

## Run it for other days

- **One day:** Trigger, with the day as partition key (or as `day` in the form). Leave the logical date empty: with a
  date after the log's last day Airflow makes a run without any task and calls it a success.
- **Many days:** Trigger, Backfill, or `make backfill FROM=2017-11-01 TO=2017-11-03`. Days that are published and
  unchanged are reused; `force` computes them again.
- **After a change of the code:** `python -m lake days --due` lists the days that other code made; a backfill with
  `REPROCESS=completed` (in the form: `older_code`) makes them again, with the earlier days that they rest on.
- **On schedule:** unpause it. A run comes at each midnight for the day that has just ended, within the first and
  last day of the source's settings; the demo's log has ended, so it gets none.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronPartitionTimetable, chain, dag, task_group

from tasks.champion import CANARY, DTYPE, RELEASE, take_champion
from tasks.command import model_step, spark_job
from tasks.form import DAY, FORCE, OF_DAY, OLDER_CODE, PARAMS, USERS
from tasks.judging import judge_captions, judge_sample, judged
from tasks.policy import DEFAULT_ARGS, ONCE, Tag, first_run, last_run
from tasks.published_day import publish_day
from tasks.publishing import publish
from tasks.shards import sharded_model_step, split
from tasks.source import source_arrived


@task_group
def land() -> None:
    """The day's rows become behaviors, and those of earlier days that are new; unusable ones are kept apart."""
    staged = spark_job("land", "--from", DAY, "--to", DAY, "--with-earlier-days", OLDER_CODE, FORCE, task_id="stage")
    source_arrived() >> staged
    publish(staged)


@task_group
def compress() -> None:
    """Each user's history as of the day, from daily roll-ups; the week's signals."""
    rolled_up = spark_job("roll_up", "--day", DAY, OLDER_CODE, FORCE)
    published = publish(rolled_up, task_id="publish_roll_up")
    signals = spark_job("signals", "--day", DAY, FORCE)
    contexts = spark_job("compress", "--day", DAY, FORCE, task_id="contexts")
    published >> [signals, contexts]
    publish(signals, contexts)


@task_group
def infer(shards: Any) -> None:
    """Planner, experts and arbiter write each user's intents, and the same engine captions for items of the best tags;
    the shards are audited and published together."""
    publish(sharded_model_step("infer", "--day", DAY, USERS, RELEASE, CANARY, DTYPE, FORCE, shards=shards))


@task_group(default_args=ONCE)
def judge() -> None:
    """Tags and captions of a sample of users get verdicts; whatever becomes of these, the day is published."""
    publish(judge_sample())
    publish(judge_captions(), task_id="publish_captions")


@dag(
    # Runs at midnight UTC for the day before; the key is that day. Only a midnight cron backfills its last day.
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    start_date=first_run(),
    end_date=last_run(),
    catchup=False,
    is_paused_upon_creation=True,
    # One day after the other: a user for whom nothing changed costs no model call once the day before is done.
    # A backfill has its own limit.
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=PARAMS,
    tags=[Tag.REFRESH, Tag.INTENTS],
    description="From one day of a shop's log to each user's intents.",
    doc_md=__doc__,
)
def daily_refresh() -> None:
    shards = split(take_champion(of_day=OF_DAY))
    embed = model_step("embed", "--day", DAY, USERS)
    inferred, published = infer(shards), publish_day()
    chain([shards, land()], compress(), embed, inferred, judge(), judged(), published)
    # By itself what comes after `judged` would run whatever became of inference.
    inferred >> published


daily_refresh()
