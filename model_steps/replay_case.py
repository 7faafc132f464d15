"""Replay a written case: ``python -m model_steps.replay_case examples/case/case.toml`` (PAPER 3.8).

A made-up customer's history and a day's signals run through planner, experts, arbiter and explainer by the engine and a
release, as a refresh runs a shop's users. What it came to is shown, kept with ``--out`` as JSON, and put into a page
with ``--page``. The catalog is a lake's (``make run`` makes one); answers are kept, so a second run asks nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from lake.store.location import Lake
from model_steps.engine.environment import prepare_environment
from model_steps.replaying.case import read_case
from model_steps.replaying.page import page_part, renewed, shown_in
from model_steps.replaying.replay import replay
from runtime import atomic
from runtime.entry import run_command
from runtime.errors import SourceMissing, UsageError
from settings import ROOT, load_settings

log = logging.getLogger("intentflow")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    case = read_case(arguments.case)
    page = _page(arguments.page)
    folder = arguments.release or settings.lake.first_release
    if not folder.is_dir():
        raise UsageError(f"--release {folder}: there is no such folder.")
    prepare_environment(settings.engine)
    base, work = Lake.open(arguments.lake or settings.lake.uri), Lake.open(arguments.work)
    replayed = replay(case, str(arguments.case), base, work, folder, settings)
    part = page_part(case, replayed)
    log.info("%s\n%s", arguments.case, part)
    if arguments.out:
        atomic.write(arguments.out, json.dumps(replayed, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    if arguments.page:
        atomic.write(arguments.page, renewed(page, part, str(arguments.page)))
    return {
        "case": case.digest,
        "release": replayed["release"],
        **{name: len(replayed[name]) for name in ("personas", "tags", "captions", "dropped")},
        "written_to": [str(path) for path in (arguments.out, arguments.page) if path],
    }


def _page(path: Path | None) -> str:
    """The page that the replay is put into, seen before minutes of work."""
    if path is None:
        return ""
    try:
        page = path.read_text()
    except OSError as error:
        raise SourceMissing(f"--page {path} cannot be read: {error.strerror}.") from None
    shown_in(page, str(path))
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.replay_case", description=__doc__)
    parser.add_argument("case", type=Path, help="the case's TOML file, as examples/case/case.toml")
    parser.add_argument("--lake", help="lake with the catalog (default: the setting)")
    parser.add_argument("--work", default=str(ROOT / "var" / "case"), help="lake for answers (default: var/case)")
    parser.add_argument(
        "--release", type=Path, help="folder of a release (default: the one that a new lake begins with)"
    )
    parser.add_argument("--out", type=Path, help="file for what the case came to, as JSON")
    parser.add_argument("--page", type=Path, help="page with the marks that the replay is put between")
    run_command(main, parser)
