"""The pages of the Data Docs: what Great Expectations' site builder fills, without its scripts from the internet.

Its own pages load styles, icons and the whole index table from public servers: blank on a machine without them.
These are plain HTML (``pages/``), and say why a rule is there. Everything shown is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def figure(value: float | None) -> str:
    """A count for people; what is none says so."""
    if value is None or math.isnan(value):
        return "no count"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return "none" if value is None else f"{value:.1%}"


def interval(found: Mapping[str, float | None]) -> str:
    """A share with its interval."""
    return f"{share(found['value'])} ({share(found['low'])} to {share(found['high'])})"


def moment(when: Any) -> str:
    """An instant in UTC, to the second."""
    instant = when if isinstance(when, datetime) else datetime.fromisoformat(str(when))
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def address(path: str) -> str:
    """A path as a link; what is quoted already stays."""
    return quote(path, safe="/%")


def without(run_name: str, table: str) -> str:
    """The partitions and the batch that a run's name tells besides its table."""
    return run_name.removeprefix(f"{table}_").replace("_", " ")


PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("pages")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters.update(figure=figure, share=share, interval=interval, moment=moment, address=address, without=without)


class Html:
    """The view that the site builder asks for: the renderers below already give a page."""

    def render(self, document: str, **_unused: object) -> str:
        return document


class IndexPage:
    """All validations kept, newest first, and the expectations of each table."""

    def render(self, links: Mapping[str, Any]) -> str:
        validations = sorted(links.get("validations_links", []), key=lambda link: link["run_time"], reverse=True)
        return PAGES.get_template("index.html").render(
            title="Intentflow audits",
            validations=validations,
            failed=sum(not link["validation_success"] for link in validations),
            suites=sorted(links.get("expectations_links", []), key=lambda link: link["expectation_suite_name"]),
        )


class ExpectationsPage:
    """What one table's batches must satisfy, and why."""

    def __init__(self, data_context: object = None) -> None:
        """The site builder offers its context; these pages need none."""

    def render(self, suite: Any) -> str:
        # A rule is two expectations, known and within bounds: one line here.
        rules = {expectation.meta["metric"]: expectation.meta for expectation in suite.expectations}
        return PAGES.get_template("expectations.html").render(
            title=f"What {suite.name} must satisfy", meaning=suite.meta.get("meaning", ""), rules=rules.values()
        )


class ValidationPage:
    """One verdict: the rules with what was observed, what failed where, and the partitions' counts."""

    def __init__(self, data_context: object = None) -> None:
        """The site builder offers its context; these pages need none."""

    def render(self, result: Any) -> str:
        audit, run = result.meta["audit"], result.meta["run_id"]
        return PAGES.get_template("validation.html").render(
            title=f"{result.suite_name} · {audit['title']}",
            name=result.suite_name,
            success=result.success,
            audit=audit,
            summary=_summary(audit),
            rules=_rules(result, audit["observed"]),
            history=audit.get("history", []),
            counted=sorted({name for _partition, counts in audit["counts"] for name in counts} | set(audit["needed"])),
            audited=run["run_time"] if isinstance(run, Mapping) else run.run_time,
            version=result.meta["great_expectations_version"],
        )


def _summary(audit: Mapping[str, Any]) -> str:
    failures = audit["failures"]
    held = f"{audit['rows']:,.0f} rows in {_many(audit['partitions'], 'partition')}"
    if not failures:
        return f"{held}; every rule holds, so the batch may be published."
    broken = len({metric for _partition, metric, _words in failures})
    where = len({partition for partition, _metric, _words in failures})
    return f"{held}; {_many(broken, 'rule')} broken in {_many(where, 'partition')}, so nothing is published."


def _rules(result: Any, observed: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a rule; its two expectations (known, within bounds) are one verdict here."""
    rules: dict[str, dict[str, Any]] = {}
    for expectation in result.results:
        told = expectation.expectation_config.meta
        rule = rules.setdefault(
            told["metric"], {**told, "success": True, "observed": _observed(observed[told["metric"]])}
        )
        rule["success"] &= bool(expectation.success)
    return list(rules.values())


def _observed(seen: Mapping[str, Any]) -> str:
    if not seen["range"]:
        return "unknown"
    least, most = seen["range"]
    known = figure(least) if least == most else f"{figure(least)} to {figure(most)}"
    return f"{known}, unknown in {_many(seen['unknown'], 'partition')}" if seen["unknown"] else known


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
