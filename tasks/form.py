"""What a person may ask a run for, and how its steps get to know: the Params form and its templates."""

from __future__ import annotations

from datetime import date

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException

from settings import load_settings

PARAMS: dict[str, Param] = {
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="Which day to refresh, as YYYY-MM-DD (UTC). Not needed when the run has a partition key.",
    ),
    "users": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Users",
        description="Infer only this many users, drawn by a stable hash. Empty: as the settings say.",
    ),
    "shards": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=1024,
        title="Shards",
        description="Split the users over this many inference tasks. Empty: as the settings say.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Compute again what is published already, although nothing it depends on has changed.",
    ),
    "older_code": Param(
        False,
        type="boolean",
        title="Older code",
        description="Also make again the earlier days of the log that other code landed or rolled up. Otherwise they "
        "are made again only when their log has changed.",
    ),
}

TRAINING_PARAMS: dict[str, Param] = {
    "preset": Param(
        "small",
        type="string",
        enum=["tiny", "small", "paper"],
        title="Preset",
        description="tiny: proves in minutes that it works, and makes no better release. small: hours on two cores. "
        "paper: for GPUs.",
    ),
    "days": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Training days",
        description="Learn from this many of the newest days that the split allows. Empty: as the preset says.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Make the examples and train again, in folders of this run's own, although nothing has changed.",
    ),
}

CALIBRATION_PARAMS: dict[str, Param] = {
    "preset": Param(
        "small",
        type="string",
        enum=["small", "full"],
        title="Preset",
        description="small: proves in minutes that it works, and its record lets no judge judge. full: the exam.",
    ),
    "judge": Param(
        "shipped",
        type="string",
        enum=["shipped", "tune"],
        title="Judge",
        description="shipped: the judge that the settings name. tune: one that is tuned on this lake's labels first, "
        "for as long as the settings say.",
    ),
    "outputs": Param(
        [],
        type="array",
        items={"type": "string", "minLength": 1},
        title="Lakes with real outputs",
        description="Lakes with intents of evaluation days, LAKE or NAME=LAKE, beside those of this lake. Where there "
        "are none, the champion writes some.",
    ),
    "seed": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="Seed",
        description="Of the half of the attacks that is made for the exam: choose one that no exam had. Empty: 0.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Land and roll up the last day again, and examine again, although nothing has changed.",
    ),
}

REVIEW_PARAMS: dict[str, Param] = {
    "candidate": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Candidate",
        description="Name of a release on the lake. Not needed when a retraining started the run.",
    ),
    "policy": Param(
        None,
        type=["null", "string"],
        # It names a file beside the setting's own, and never one elsewhere.
        pattern="^[a-z0-9][a-z0-9_-]*$",
        title="Policy",
        description="Name of a file beside the policy of the settings, without .yaml. Empty: that of the settings.",
    ),
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Evaluation day",
        description="On which frozen day both are measured. Empty: the newest whose outcomes the log has.",
    ),
}

ROLLBACK_PARAMS: dict[str, Param] = {
    "reason": Param(
        None, type="string", minLength=1, maxLength=1_000, title="Reason", description="Why, for the champion log."
    ),
    "record": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Record",
        description="Number of the record that is taken back, which must be the log's last one. Empty: whatever is.",
    ),
}

# Templates; an argument that renders to nothing is left out of the command.
DAY = "{{ partition_key or params.day or '' }}"
# For a task that does not refuse a run without a day: another one does.
OF_DAY = "{{ '--day=%s' % (partition_key or params.day) if partition_key or params.day else '' }}"
USERS = "{{ '--users=%d' % params.users if params.users else '' }}"
FORCE = "{{ '--force' if params.force else '' }}"
SEED = "{{ '--seed=%d' % params.seed if params.seed is not none else '' }}"
PRESET = "--preset={{ params.preset }}"
OLDER_CODE = "{{ '--older-code' if params.older_code else '' }}"


def checked_day(day: str) -> str:
    """The day of a run, when the source can have it.

    Raises:
        AirflowFailException: there is none, it is no day, or the log does not reach it. No retry helps.
    """
    if not day:
        raise AirflowFailException(
            "This run has no day: trigger it with a partition key, or with `day` filled in, as YYYY-MM-DD."
        )
    try:
        if len(day) != len("YYYY-MM-DD"):
            raise ValueError
        found = date.fromisoformat(day)
    except ValueError:
        raise AirflowFailException(f"{day!r} is no day: write it as YYYY-MM-DD, for example 2017-11-01.") from None
    source = load_settings().source
    if found < source.first_day or (source.last_day and found > source.last_day):
        until = f"to {source.last_day}" if source.last_day else "on"
        raise AirflowFailException(
            f"The log of {source.name!r} runs from {source.first_day} {until}; it has no {day}: choose another day."
        )
    return day
