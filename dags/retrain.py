"""# From a shop's own log to a candidate release

Makes examples of what users bought next, trains the entity adaptor where the preset says so, tunes the experts on the
examples, distills a judge into a reward model, improves the experts by reinforcement with constrained rewards, tunes
and reinforces the explainer on judged captions, compares what came of it, and puts a candidate release on the lake.
Nobody works with it before somebody promotes it.

**Owner:** intentflow.

**Reads:** the log, items and profiles of the source that the settings name, where days are not landed yet; `rollups`,
`entities`, `entity_vectors`, `profiles` and `behaviors`; `items`; the model folder; the judge's release
(`INTENTFLOW_JUDGE__RELEASE`); the caption judge's (`INTENTFLOW_CAPTION_JUDGE__RELEASE`); the champion.

**Writes:** what `daily_refresh` writes until `contexts`, for days that nobody refreshed; `contexts` of the newest
training day; `entity_vectors`; `examples`; `judge_labels`; a folder of each training (`INTENTFLOW_EXPERTS__FOLDER` and
the like); a release on the lake. Emits the asset `candidates`, once a candidate, with the release's name, the digests
of its files, the address of its training record, and the figures of all steps.

Only users of the train split are learnt from, and nothing from the first evaluation day on: a training that would is
stopped with a sentence (`docs/benchmarks.md`, who is held out). The comparison is on users of the split validation whom
no training looked at. **The holdout stays closed:** only the gate opens it, and counts how often.

Each step is a command that also runs from a shell. What was made already and rests on the same is not made again, so a
second run does nothing, and a changed setting of reinforcement runs `reinforce` and what follows. The preset `tiny`
keeps the champion's entity adaptor and trains a few steps of everything, which is meant to show within ten minutes that
all of it works; its candidate is not better than anything. `small` takes hours on two cores; `paper` is for GPUs.
Sizes: `settings/retraining.py`. A setting of the environment is stronger than the preset's.

## When it fails

The last error in the failed task's log is one sentence that says what to do. Clearing the failed task continues the
run; finished work is not done again, and a training goes on from its last kept state.

- `champion`: the champion log or the release it names cannot be read. `python -m lake champions` shows the log.
- `days`: the log is too short for a training day, its outcomes or its labels. The sentence says until when it is there.
- `land`, `compress`: as in `daily_refresh`. `land.stage` leaves out a day with too many unusable rows and says so.
- `embed`: the embedder had no memory. Make room, clear it.
- `examples`: a training day, its history or its outcomes are not landed and rolled up. The sentence names the day.
- `publish`: an example touches the holdout, or stands twice. The log names the rule and the Data Docs page.
- `adaptor`, `experts`, `judge`, `reward`, `reinforce`: memory, mostly; make room and clear it. A loss that is no number
  says which setting to lower. `judge` tunes one where that of the settings may know whom this lake holds out.
- `captions`, `reinforce_captions`: the same, and besides: of the newest training day no user has an item that gets
  captions, or two validation users have no category in common. The sentence says which.
- `labels`: a label that is there says something else than it would say now, mostly for other settings
  (`INTENTFLOW_JUDGE_LABELS__...`).
- `evaluate`: trainings looked at all validation users. Train with fewer.
- `candidate`: the folder of a training is not there. On several machines the folders must be ones that all of them
  see. Skipped means that the champion is what was trained, or that this candidate was told before.

## Run it for other days

Trigger it, or `make retrain PRESET=tiny`: there is no schedule and nothing to backfill, for a training is of the newest
days that the split allows, `days` of them. `force` trains again, in folders of the run's own. `python -m
model_steps.evaluate --release NAME --day D` opens the holdout for a candidate, and `python -m lake promote
var/releases/NAME` works with it.
"""

from __future__ import annotations

from airflow.sdk import TriggerRule, chain, dag, task_group

from tasks import retraining as steps
from tasks.candidate import make_candidate
from tasks.champion import take_champion
from tasks.chosen_days import chosen
from tasks.command import model_step, spark_job
from tasks.form import TRAINING_PARAMS
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.publishing import publish
from tasks.retraining_days import choose_days

UNTIL, LANDS = chosen("until"), chosen("lands")


@task_group
def land() -> None:
    """The log until the last outcomes; skipped where all of it is landed and rolled up."""
    staged = spark_job("land", "--from", UNTIL, "--to", UNTIL, "--with-earlier-days", task_id="stage", when=LANDS)
    published = publish(staged)
    rolled_up = spark_job("roll_up", "--day", UNTIL, when=LANDS)
    published >> rolled_up
    publish(rolled_up, task_id="publish_roll_up")


@task_group
def compress() -> None:
    """Contexts of the newest training day, which tell whose log it is; signals where an adaptor is trained."""
    signals = spark_job("signals", steps.NEWEST, when=chosen("trains_adaptor"))
    contexts = spark_job("compress", steps.NEWEST, task_id="contexts")
    publish(signals, contexts, trigger_rule=TriggerRule.NONE_FAILED)


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=True,
    # Two would train the same, in the same folders.
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=TRAINING_PARAMS,
    tags=[Tag.TRAINING],
    description="From a shop's own log to a candidate release.",
    doc_md=__doc__,
)
def retrain() -> None:
    prepared = [take_champion(), choose_days(), land(), compress(), model_step("embed")]
    examples = steps.examples()
    adaptor, experts = steps.train_adaptor(), steps.train_experts()
    labels, judge, reward = steps.build_labels(), steps.take_judge(), steps.train_reward()
    reinforced, compared = steps.reinforce_experts(), steps.evaluate_experts()
    captions, rewarded = steps.train_captions(), steps.reinforce_captions()
    trained = {
        "adaptor": adaptor,
        "experts": experts,
        "reward": reward,
        "reinforce": reinforced,
        "captions": captions,
        "reinforce_captions": rewarded,
        "evaluate": compared,
    }
    made = [adaptor, experts, labels, judge, reward, reinforced, captions, rewarded, compared, make_candidate(trained)]
    chain(*prepared, examples, publish(examples), *made)


retrain()
