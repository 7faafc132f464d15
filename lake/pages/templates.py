"""The templates of the pages, in the style of the Data Docs: no script, everything shown is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader

from lake.auditing.data_docs import PAGES

_OWN = FileSystemLoader(Path(__file__).with_name("templates"))
_TEMPLATES = PAGES.overlay(loader=ChoiceLoader([_OWN, PAGES.loader] if PAGES.loader else [_OWN]))


def rendered(template: str, **values: Any) -> str:
    """A page as HTML; a value that the template wants and does not get is an error."""
    return _TEMPLATES.get_template(template).render(**values)


def notice(title: str, *sentences: str) -> str:
    """A page that only says something."""
    return rendered("notice.html", title=title, sentences=sentences)
