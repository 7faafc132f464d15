"""# From a shop's own log to a candidate release

Makes examples of what users bought next, tunes the experts on them, and puts a candidate release on the lake. Nobody
works with it before somebody promotes it.

**Owner:** intentflow.

**Reads:** `rollups`, `entities`, `entity_vectors`, `profiles` and `behaviors` of the training days, their histories and
outcomes; the model folder; the champion, whose entity adaptor the candidate keeps.

**Writes:** `examples`; the training's folder (`INTENTFLOW_EXPERTS__FOLDER`); a release on the lake. Emits the asset
`candidates`, with the release's name and the training's figures.

Only users of the train split are learnt from, and nothing from the first evaluation day on: a training that would is
stopped with a sentence (`docs/benchmarks.md`, who is held out). Each step is a command that also runs from a shell.
What was made already and rests on the same is not made again, so a second run does nothing. Trained with two cores it
takes about an hour; `INTENTFLOW_EXPERTS__STEPS` says how long.

## When it fails

The last error in the failed task's log is one sentence that says what to do. Clearing the failed task continues the
run.

- `champion`: the champion log or the release it names cannot be read. `python -m lake champions` shows the log.
- `examples`: a training day, its history or its outcomes are not landed and rolled up. The sentence names the day: run
  `daily_refresh` for it, or a backfill, and clear the task.
- `publish`: an example touches the holdout, or stands twice. The log names the rule and the Data Docs page.
- `experts`: memory, mostly; make room and clear it: it goes on from its last kept state. A loss that is no number says
  which setting to lower.
- `candidate`: the folder of the training is not there. On several machines `INTENTFLOW_EXPERTS__FOLDER` must be one
  that all of them see. Skipped means that the champion is what was trained.

## Run it for other days

Unpause and trigger it: there is no schedule and nothing to backfill, for a training is of the newest days that the
split allows, `days` of them. `python -m model_steps.evaluate --release NAME --day D` says how good a candidate is, and
`python -m lake promote var/releases/NAME` works with it.
"""

from __future__ import annotations

from airflow.sdk import chain, dag

from tasks.candidate import make_candidate
from tasks.champion import take_champion
from tasks.command import model_step, spark_job
from tasks.form import FORCE, NEWEST, TRAINING_PARAMS
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.publishing import publish


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=TRAINING_PARAMS,
    tags=[Tag.TRAINING],
    description="From a shop's own log to a candidate release.",
    doc_md=__doc__,
)
def retrain() -> None:
    examples = spark_job("examples", NEWEST, FORCE)
    experts = model_step("train_experts", NEWEST, task_id="experts")
    chain(take_champion(), examples, publish(examples), experts, make_candidate(experts))


retrain()
