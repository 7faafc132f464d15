"""What a team that uses the intents does with them: read one published day, consistently, and count."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowFailException

from runtime.errors import DataError
from settings import load_settings


def most_wanted(day: str | None, top: int = 5, lake_uri: str | None = None) -> list[tuple[str, int]]:
    """The categories that most users intend to buy from, with the number of users, best first.

    The day's row in ``days`` pins the versions of its tables: while somebody publishes the day again, this still
    reads the day as it was.

    Raises:
        AirflowFailException: there is no day, or it is not published; no retry helps.
    """
    if not day:
        raise AirflowFailException("This run has no day: trigger it with a partition key, as YYYY-MM-DD.")
    # Imported here: the DAG files that import this one are parsed every few seconds.
    from lake.registry.days import read_day
    from lake.store.location import Lake
    from schemas import intents

    lake = Lake.open(lake_uri or load_settings().lake.uri)
    try:
        wanted = read_day(lake, intents.TABLE, day, columns=["user_id", "category"])
    except DataError as error:
        raise AirflowFailException(str(error)) from None
    counted = wanted.group_by(["category", "user_id"]).aggregate([]).group_by("category").aggregate([([], "count_all")])
    ranked = sorted(counted.to_pylist(), key=lambda row: (-row["count_all"], row["category"]))
    return [(row["category"], row["count_all"]) for row in ranked[:top]]
