"""A gate's report: one HTML page that stands alone, without a script and without anything from elsewhere.

In the style of the Data Docs; plots are part of the page, and everything shown is escaped. Pure functions.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lake.auditing.data_docs import PAGES
from lake.registry.evidence import Evidence


def report(
    evidence: Evidence,
    decision: Mapping[str, Any],
    plots: Mapping[str, bytes],
    samples: Sequence[Mapping[str, Any]],
    policy: str,
    judged: Mapping[str, Mapping[str, Any]] | None = None,
    judged_samples: Sequence[Mapping[str, Any]] = (),
    captions: Mapping[str, Mapping[str, Any]] | None = None,
    caption_samples: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The page.

    Args:
        evidence: what was decided on; its files are not known yet, for the page is one of them.
        decision: verdict, why, correction and checks, as ``evaluation.gate.decision`` says them.
        plots: SVGs by name.
        samples: of some users, by pseudonym: ``user``, ``candidate`` and ``champion``, each a list of categories.
        policy: its file's text.
        judged: of candidate and champion what a judge says of their tags, as ``evaluation.gate.judged_shares`` has it;
            none where nothing was judged.
        judged_samples: as ``samples``, of tags with their tiers.
        captions: of candidate and champion how many of their captions pass; none where none was judged.
        caption_samples: as ``samples``, of captions with their tiers.
    """
    return (
        PAGES.get_template("gate.html")
        .render(
            title=f"Gate: {evidence.verdict} for {evidence.candidate}",
            evidence=evidence,
            decision=decision,
            checks=[{**check, "interval": _interval(check)} for check in decision["checks"]],
            plots=[(name, base64.b64encode(content).decode()) for name, content in plots.items()],
            samples=samples,
            judged=[(who, _shares(said), said) for who, said in (judged or {}).items()],
            judged_samples=judged_samples,
            captions=[(who, _share(said["passing"]), said) for who, said in (captions or {}).items()],
            caption_samples=caption_samples,
            digests=[(name, _text(value)) for name, value in sorted(evidence.digests.items())],
            policy=policy,
        )
        .encode()
    )


def _interval(check: Mapping[str, Any]) -> str:
    """A figure with its bounds."""
    if check["figure"] is None:
        return ""
    low, high = ("no bound" if check[name] is None else f"{check[name]:.4g}" for name in ("low", "high"))
    return f"{check['figure']:.4g} ({low} to {high})"


def _shares(said: Mapping[str, Any]) -> list[str]:
    """Shares of S as judged, of S corrected, and of B, each with its interval."""
    shares = [said["superior"], said["superior_corrected"], said["bad"]]
    return [_share(one) for one in shares]


def _share(one: Mapping[str, Any]) -> str:
    """A share with its interval."""
    return "" if one["value"] is None else f"{one['value']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
