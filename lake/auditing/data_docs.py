"""The pages of the Data Docs: what Great Expectations' site builder fills, without its scripts from the internet.

Its own pages load styles, icons and the whole index table from public servers: blank on a machine without them.
These are plain HTML, and say why a rule is there. Everything shown is escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #f6f7f9; margin: 0; }
main { max-width: 1100px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; margin: 4px 0; } h2 { font-size: 17px; margin: 28px 0 8px; }
a { color: #1659b0; } .quiet { color: #5b6675; } code { font-size: 13px; }
.badge { border-radius: 4px; padding: 1px 8px; font-weight: 600; font-size: 13px; white-space: nowrap; }
.passed { color: #0b5c33; background: #d8f3e3; } .failed { color: #8f1420; background: #fbdfe1; }
table { border-collapse: collapse; background: #fff; width: 100%; box-shadow: 0 0 0 1px #dfe3e8; }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-bottom: 1px solid #e8ebef; }
th { font-size: 13px; color: #5b6675; background: #fbfcfd; }
.scroll { overflow-x: auto; } .nowrap { white-space: nowrap; }
"""


class Html:
    """The view that the site builder asks for: the renderers below already give a page."""

    def render(self, document: str, **_unused: object) -> str:
        return document


class Raw(str):
    """Text that is HTML already."""


class IndexPage:
    """All validations kept, newest first, and the expectations of each table."""

    def render(self, links: Mapping[str, Any]) -> str:
        validations = sorted(links.get("validations_links", []), key=lambda link: link["run_time"], reverse=True)
        rows = [
            (
                badge(link["validation_success"]),
                link["expectation_suite_name"],
                anchor(link["filepath"], _what(link["run_name"], link["expectation_suite_name"])),
                _moment(link["run_time"]),
            )
            for link in validations
        ]
        suites = [
            (anchor(link["filepath"], link["expectation_suite_name"]),)
            for link in sorted(links.get("expectations_links", []), key=lambda link: link["expectation_suite_name"])
        ]
        failed = sum(not link["validation_success"] for link in validations)
        return page(
            "Intentflow audits",
            paragraph(f"{len(validations)} validations are kept, {failed} of them failed; the newest is first."),
            table(("", "Table", "Partition and batch", "Audited (UTC)"), rows),
            heading("What each table must satisfy"),
            table(("Table",), suites),
        )


class ExpectationsPage:
    """What one table's batches must satisfy, and why."""

    def __init__(self, data_context: object = None) -> None:
        """The site builder offers its context; these pages need none."""

    def render(self, suite: Any) -> str:
        rows = {}
        for one in suite.expectations:
            told = one.meta
            rows[told["metric"]] = (code(told["metric"]), code(told["formula"]), nowrap(told["bound"]), told["why"])
        return page(
            f"What {suite.name} must satisfy",
            paragraph(suite.meta.get("meaning", "")),
            paragraph("Checked on every staged partition before it is published; a metric that is missing fails."),
            table(("Metric", "From counts", "Must be", "Why"), rows.values()),
            paragraph(anchor("../index.html", "All audits")),
        )


class ValidationPage:
    """One verdict: the rules with what was observed, what failed where, and the partitions' counts."""

    def __init__(self, data_context: object = None) -> None:
        """The site builder offers its context; these pages need none."""

    def render(self, result: Any) -> str:
        told = result.meta["audit"]
        name, up = result.suite_name, "../" * 4
        failures = told["failures"]
        blocks = [
            paragraph(badge(result.success), Raw(" "), told["meaning"]),
            paragraph(_summary(told)),
            heading("Rules"),
            table(("", "Metric", "Must be", "Observed", "Why"), _rules(result, told["observed"])),
        ]
        if failures:
            listed = [(nowrap(partition), code(metric), words) for partition, metric, words in failures]
            blocks += [heading("What failed"), table(("Partition", "Metric", "In words"), listed)]
        if told["lines"]:
            blocks += [heading("Rejected rows, for example"), table(("",), [(code(line),) for line in told["lines"]])]
        blocks += _counts(told)
        run = result.meta["run_id"]
        facts = [
            ("Audited (UTC)", _moment(_attribute(run, "run_time"))),
            ("Staged by", ", ".join(told["steps"])),
            ("Batches", Raw("<br>".join(code(path) for path in told["batches"]))),
            ("Great Expectations", result.meta["great_expectations_version"]),
        ]
        blocks += [heading("This audit"), table(("", ""), facts)]
        links = (anchor(f"{up}index.html", "All audits"), anchor(f"{up}expectations/{name}.html", f"Rules of {name}"))
        return page(f"{name} · {told['title']}", *blocks, paragraph(links[0], Raw(" · "), links[1]))


def _summary(told: Mapping[str, Any]) -> str:
    failures = told["failures"]
    held = f"{told['rows']:,.0f} rows in {_many(told['partitions'], 'partition')}"
    if not failures:
        return f"{held}; every rule holds, so the batch may be published."
    broken = len({metric for _partition, metric, _words in failures})
    where = len({partition for partition, _metric, _words in failures})
    return f"{held}; {_many(broken, 'rule')} broken in {_many(where, 'partition')}, so nothing is published."


def _rules(result: Any, observed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A line a rule; its two expectations (known, within bounds) are one verdict here."""
    success: dict[str, bool] = {}
    meaning: dict[str, Mapping[str, str]] = {}
    for one in result.results:
        told = one.expectation_config.meta
        success[told["metric"]] = success.get(told["metric"], True) and bool(one.success)
        meaning[told["metric"]] = told
    return [
        (
            badge(success[metric]),
            Raw(f"{code(metric)}{'<br>' if told['formula'] else ''}{quiet(told['formula'])}"),
            nowrap(told["bound"]),
            _observed(observed[metric]),
            told["why"],
        )
        for metric, told in meaning.items()
    ]


def _counts(told: Mapping[str, Any]) -> list[Raw]:
    listed = told["counts"]
    names = sorted({name for _partition, counts in listed for name in counts} | set(told["needed"]))
    absent = {name: "missing" if name in told["needed"] else "" for name in names}
    rows = [
        (nowrap(partition), *(_figure(counts[name]) if name in counts else absent[name] for name in names))
        for partition, counts in listed
    ]
    more = told["partitions"] - len(listed)
    after = [paragraph(f"{more:,} further partitions are not listed; none of the rules' verdicts left them out.")]
    title = heading("Counts by partition")
    return [title, Raw(f'<div class="scroll">{table(("Partition", *names), rows)}</div>'), *(after if more else [])]


def page(title: str, *blocks: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><h1>{html.escape(title)}</h1>{''.join(blocks)}</main></body></html>\n"
    )


def heading(text: str) -> Raw:
    return Raw(f"<h2>{html.escape(text)}</h2>")


def paragraph(*parts: str) -> Raw:
    return Raw(f"<p>{''.join(_safe(part) for part in parts)}</p>")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Raw:
    head = "".join(f"<th>{_safe(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return Raw(f"<table>{f'<thead><tr>{head}</tr></thead>' if any(titles) else ''}<tbody>{body}</tbody></table>")


def badge(success: bool) -> Raw:
    word = "passed" if success else "failed"
    return Raw(f'<span class="badge {word}">{word}</span>')


def anchor(path: str, text: str) -> Raw:
    return Raw(f'<a href="{html.escape(quote(path, safe="/%"))}">{html.escape(text)}</a>')


def code(text: str) -> Raw:
    return Raw(f"<code>{html.escape(text)}</code>") if text else Raw("")


def nowrap(text: str) -> Raw:
    return Raw(f'<span class="nowrap">{html.escape(text)}</span>')


def quiet(text: str) -> Raw:
    return Raw(f'<span class="quiet">= {html.escape(text)}</span>') if text else Raw("")


def _safe(text: str) -> str:
    return text if isinstance(text, Raw) else html.escape(str(text))


def _figure(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "no count"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _observed(seen: Mapping[str, Any]) -> str:
    if not seen["range"]:
        return "unknown"
    least, most = seen["range"]
    known = _figure(least) if least == most else f"{_figure(least)} to {_figure(most)}"
    return f"{known}, unknown in {_many(seen['unknown'], 'partition')}" if seen["unknown"] else known


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _what(run_name: str, table_name: str) -> str:
    return run_name.removeprefix(f"{table_name}_").replace("_", " ")


def _attribute(run: Any, name: str) -> Any:
    return run[name] if isinstance(run, Mapping) else getattr(run, name)


def _moment(when: Any) -> str:
    moment = when if isinstance(when, datetime) else datetime.fromisoformat(str(when))
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
