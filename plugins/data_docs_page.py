"""Data Docs behind Airflow's login: an entry under Browse, and for each audit a button to the page of what it judged.

Below ``judges`` stand the records of judges' exams with their plots, made of what lies on the lake.

Reads verdicts and pages, writes nothing. Every Airflow process loads this file; only the API server serves it, so
what costs time to import is imported when the first page is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/data-docs"
BATCH = re.compile(r"_batches(/[\w-]+)+\.json")
# The pages are ours and static: no script, nothing from elsewhere, shown in Airflow's own frame at most.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def page_of(verdicts: list[dict[str, Any]]) -> str:
    """Where the verdicts of one audit are told: the page of one that failed, else of any, else the index."""
    told = [verdict for verdict in verdicts if verdict.get("data_docs")]
    told.sort(key=lambda verdict: bool(verdict.get("success")))
    return str(told[0]["data_docs"]) if told else "index.html"


def below(folder: Path, page: str) -> Path | None:
    """The page's file; None when there is none, or when the name leads out of what is meant to be seen."""
    if any(part.startswith(".") for part in Path(page).parts):
        return None
    try:
        file = (folder / page).resolve()
        shown = file.suffix == ".html" and file.is_relative_to(folder) and file.is_file()
    except (OSError, ValueError):
        return None  # no name that a file could have
    return file if shown else None


@cache
def _app() -> Any:
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException, Query
    from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

    from lake.auditing.record_page import judges_page, record_page
    from lake.delta import audits
    from lake.delta.staging import Batch
    from lake.registry import judges
    from lake.store.location import Lake
    from runtime.errors import CommandError, SourceMissing
    from settings import load_settings

    app = FastAPI(dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)

    def find(batch: list[str] = Query(default=[])) -> RedirectResponse:  # noqa: B008
        """Lead to the page on the batches of one audit."""
        lake = Lake.open(load_settings().lake.uri)
        if not all(BATCH.fullmatch(path) for path in batch):
            raise HTTPException(422, "A batch is named as its task names it: _batches/<table>/<name>.json.")
        try:
            found = [audits.verdict(lake, Batch.load(lake, path)) for path in batch]
        except CommandError as error:
            raise HTTPException(404 if isinstance(error, SourceMissing) else 503, str(error)) from None
        return RedirectResponse(f"{PREFIX}/{quote(page_of([verdict for verdict in found if verdict]))}")

    def show(page: str) -> FileResponse:
        """A page of the Data Docs folder."""
        file = below(load_settings().lake.data_docs.resolve(), page)
        if file is None:
            raise HTTPException(404, "No such page: no audit has run yet, or newer validations replaced it.")
        return FileResponse(file, headers=HEADERS)

    def show_judges() -> HTMLResponse:
        """All judges that were examined."""
        settings = load_settings()
        try:
            examined = judges.examined_judges(Lake.open(settings.lake.uri), settings.judge)
        except CommandError as error:
            raise HTTPException(503, str(error)) from None
        return HTMLResponse(judges_page(examined), headers=HEADERS)

    def show_record(judge: str, record: str) -> HTMLResponse:
        """One record, with its judge's standing by it."""
        settings = load_settings()
        lake = Lake.open(settings.lake.uri)
        try:
            found = judges.find_record(lake, judge, record)
            if found is None:
                raise HTTPException(404, "No such record: `python -m lake judges` lists those that there are.")
            standing = judges.standing_by(lake, found, judges.newest_day(lake), settings.judge)
            plots = judges.plots_of(lake, found)
        except CommandError as error:
            raise HTTPException(503, str(error)) from None
        return HTMLResponse(record_page(found, standing, plots, settings.judge.valid_days), headers=HEADERS)

    def show_plot(judge: str, record: str, plot: str) -> Response:
        """A plot of a record."""
        content = judges.read_plot(Lake.open(load_settings().lake.uri), judge, record, plot)
        if content is None:
            raise HTTPException(404, "No such plot.")
        return Response(content, media_type="image/svg+xml", headers=HEADERS)

    app.get("/judges")(show_judges)
    app.get("/judges/{judge}/{record}")(show_record)
    app.get("/judges/{judge}/{record}/{plot}")(show_plot)
    app.get("/")(find)
    app.get("/{page:path}")(show)
    return app


async def data_docs(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI app, built when it is asked for the first time."""
    await _app()(scope, receive, send)


class DataDocs(AirflowPlugin):
    """Registers the pages and their entry in the menu."""

    name = "intentflow_data_docs"
    fastapi_apps: list[Any] = [{"app": data_docs, "url_prefix": PREFIX, "name": "Data Docs"}]  # noqa: RUF012
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Data Docs",
            "href": f"{PREFIX}/index.html",
            "destination": "nav",
            "category": "browse",
            "url_route": "data-docs",
        }
    ]
