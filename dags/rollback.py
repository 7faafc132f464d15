"""# The champion before again

Takes the last promotion back: one more record in the champion log makes the previous champion champion again.
Refreshes that begin from then on use it; published days stay as they are until they are done again.

**Owner:** intentflow.

**Reads:** the champion log, and the release that it goes back to, each of whose files is checked.

**Writes:** one record in the champion log, with the reason and who started the run. Nothing is removed.

Nobody is asked: who goes back to what served before needs no gate. Whoever may trigger DAGs may do it. A second
rollback goes one champion further back, and not forth again.

## When it fails

The last error in the failed task's log is one sentence that says what to do.

- `roll_back`: there is no champion before this one; or somebody wrote a record meanwhile: look at
  `python -m lake champions`, and decide again. Where Airflow takes everybody for its administrator it is refused.

## Run it for other days

Trigger it with a reason, and with the number of the record that is to be taken back, so that nothing is taken back that
came after you looked. From a shell: `python -m lake rollback --reason WHY`. Days that the release taken back has made:
`make backfill ... REPROCESS=completed` makes them again with the champion of now.
"""

from __future__ import annotations

from airflow.sdk import dag

from tasks.form import ROLLBACK_PARAMS
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.rollback import roll_back


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=True,
    # Two would take back two promotions.
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params=ROLLBACK_PARAMS,
    tags=[Tag.REVIEW],
    description="The champion before again.",
    doc_md=__doc__,
)
def rollback() -> None:
    roll_back()


rollback()
