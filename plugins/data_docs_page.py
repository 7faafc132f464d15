"""Data Docs behind Airflow's login: an entry under Browse, and for each audit a button to the page of what it judged.

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
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
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
    from fastapi.responses import FileResponse, RedirectResponse

    from lake.delta import audits
    from lake.delta.staging import Batch
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
