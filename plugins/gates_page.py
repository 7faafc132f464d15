"""Gates, days and users behind Airflow's login: a top-level entry, and a tab on each run and task instance.

Reads the lake, writes nothing. Every Airflow process loads this file; only the API server serves it, so what costs
time to import is imported when the first page is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from datetime import date
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/gates"
# Whose runs decide what somebody may see: users and days are the refresh's, decisions the review's.
REFRESH, REVIEW = "daily_refresh", "review"
GATE_TASK = "gate"
PSEUDONYM = re.compile(r"[0-9a-f]{16}")
# No script and nothing from elsewhere, shown in Airflow's own frame at most.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"
HEADERS = {
    "Content-Security-Policy": f"{_POLICY}; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# A report brings its plots along as data, and has no business with Airflow.
REPORT_HEADERS = {**HEADERS, "Content-Security-Policy": f"{_POLICY}; form-action 'none'; img-src data:; sandbox"}
PLACE = f"{PREFIX}/run?dag_id={{DAG_ID}}&run_id={{RUN_ID}}"


def is_day(text: str) -> bool:
    """Whether a text is a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def open_session() -> Iterator[Any]:
    """A session with Airflow's database for the time of a request."""
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


@cache
def _app() -> Any:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
    from airflow.models.xcom import XComModel
    from fastapi import Depends, FastAPI, Query, Request
    from fastapi.responses import HTMLResponse, RedirectResponse, Response

    from lake.pages import runs
    from lake.pages.day import day_page, days_page
    from lake.pages.gates import gates_page
    from lake.pages.templates import notice
    from lake.pages.user import user_page, users_page
    from lake.registry import evidence
    from lake.store.location import Lake
    from representation.context import from_row
    from representation.text import render_text
    from runtime.errors import CommandError, SourceMissing
    from settings import load_settings

    app = FastAPI(dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)
    of_refresh = [Depends(requires_access_dag("GET", DagAccessEntity.RUN, REFRESH))]
    of_review = [Depends(requires_access_dag("GET", DagAccessEntity.RUN, REVIEW))]
    # The run's own DAG, which the query names.
    of_run = [Depends(requires_access_dag("GET", DagAccessEntity.XCOM))]

    def page(html: str, status: int = 200) -> HTMLResponse:
        return HTMLResponse(html, status, headers=HEADERS)

    def told(_request: Request, error: Exception) -> HTMLResponse:
        """A user's mistake, or a lake's state, as a page with its sentence."""
        missing = isinstance(error, SourceMissing)
        return page(notice("Not there" if missing else "This cannot be shown", str(error)), 404 if missing else 503)

    app.add_exception_handler(CommandError, told)

    def open_lake() -> Lake:
        return Lake.open(load_settings().lake.uri)

    def refused(sentence: str) -> HTMLResponse:
        return page(notice("Not understood", sentence), 422)

    def as_text(row: Mapping[str, Any], texts: Mapping[str, str]) -> str:
        return render_text(from_row(row), texts)

    def show_gates(number: int = Query(1, alias="page"), log: int = 1) -> HTMLResponse:
        """Champion, decisions, main metrics, holdout budget, judges."""
        return page(gates_page(open_lake(), load_settings(), number, log))

    def show_evidence(name: str) -> Response:
        """The report of some evidence, after every byte of it was held against its digest."""
        _, files = evidence.read(open_lake(), name)
        if evidence.REPORT not in files:
            raise SourceMissing(f"The evidence {name} has no report.")
        return HTMLResponse(files[evidence.REPORT], headers=REPORT_HEADERS)

    def show_days(number: int = Query(1, alias="page")) -> HTMLResponse:
        """All days."""
        return page(days_page(open_lake(), number))

    def show_day(day: str, number: int = Query(1, alias="page")) -> HTMLResponse:
        """One day; 404 where it is not published."""
        if not is_day(day):
            return refused("A day is written as YYYY-MM-DD.")
        html, published = day_page(open_lake(), day, number)
        return page(html, 200 if published else 404)

    def show_users(day: str = "", number: int = Query(1, alias="page")) -> HTMLResponse:
        """The users of a day."""
        if day and not is_day(day):
            return refused("A day is written as YYYY-MM-DD.")
        return page(users_page(open_lake(), day, number))

    def show_user(user: str, day: str = "", beside: str = "", number: int = Query(1, alias="page")) -> HTMLResponse:
        """A user on a day, and on another one beside it."""
        # What was typed is not said again: it may be a shop's id.
        if not PSEUDONYM.fullmatch(user):
            return refused(
                "A user is named by the pseudonym, 16 hexadecimal digits: `python -m spark_jobs.pseudonymize` says it."
            )
        if not all(is_day(one) for one in (day, beside) if one):
            return refused("A day is written as YYYY-MM-DD.")
        return page(user_page(open_lake(), user, day, beside, as_text, number))

    def show_run(dag_id: str, run_id: str, task_id: str = "", session: Any = Depends(open_session)) -> Response:  # noqa: B008
        """What belongs to a run, or to one of its tasks: a gate's report, else the day that it published."""

        def results(task: str | None) -> list[Any]:
            found = XComModel.get_many(run_id=run_id or "-", key="return_value", dag_ids=dag_id, task_ids=task)
            return [XComModel.deserialize_value(result) for result in session.scalars(found).unique()]

        manifests = results(task_id or None)
        # Who is asked, or why nobody was, rests on the gate's evidence, too.
        beside = results(GATE_TASK) if task_id and dag_id == REVIEW and not runs.evidence_in(manifests) else []
        if name := runs.evidence_in([*manifests, *beside]):
            return RedirectResponse(f"{PREFIX}/evidence/{name}")
        if day := runs.day_in(manifests):
            return RedirectResponse(f"{PREFIX}/days/{day}")
        what = "task" if task_id else "run"
        return page(notice("No gate here", f"This {what} decided nothing and published no day, or has not yet."))

    app.get("/", dependencies=of_review)(show_gates)
    app.get("/evidence/{name}", dependencies=of_review)(show_evidence)
    app.get("/days", dependencies=of_refresh)(show_days)
    app.get("/days/{day}", dependencies=of_refresh)(show_day)
    app.get("/users", dependencies=of_refresh)(show_users)
    app.get("/user", dependencies=of_refresh)(show_user)
    app.get("/users/{user}", dependencies=of_refresh)(show_user)
    app.get("/run", dependencies=of_run)(show_run)
    return app


async def gates(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI app, built when it is asked for the first time."""
    await _app()(scope, receive, send)


class Gates(AirflowPlugin):
    """Registers the pages, their entry in the menu, and the tabs."""

    name = "intentflow_gates"
    fastapi_apps: list[Any] = [{"app": gates, "url_prefix": PREFIX, "name": "Gates"}]  # noqa: RUF012
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Gates",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "gates",
        },
        {"name": "Gate", "href": PLACE, "destination": "dag_run", "url_route": "gate-of-run"},
        {
            "name": "Gate",
            "href": f"{PLACE}&task_id={{TASK_ID}}",
            "destination": "task_instance",
            "url_route": "gate-of-task",
        },
    ]
