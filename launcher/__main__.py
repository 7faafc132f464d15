"""``python -m launcher run | calibrate | retrain | ui | stop | backfill``: what the Makefile calls."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import date
from typing import NoReturn

from runtime.entry import day_argument
from runtime.errors import CommandError, UsageError
from settings import Settings, load_settings

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 or 1 with the work, or a ``runtime.errors.Exit`` when it could not be done."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as Ctrl-C: what was started is stopped first
    try:
        options = parser().parse_args(arguments)
        return action(options)(load_settings())
    except CommandError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("Interrupted; everything that was started is stopped.", file=sys.stderr)
        return INTERRUPTED


def action(options: argparse.Namespace) -> Callable[[Settings], int]:
    """What the options ask for. Imported late, so that `stop` and a misspelt command answer at once."""
    if options.command == "run":
        from launcher.run import run

        return lambda settings: run(options.day, options.users, settings, force=options.force)
    if options.command == "backfill":
        from launcher.backfill import backfill

        return lambda settings: backfill(
            options.first,
            options.last,
            options.users,
            settings,
            reprocess=options.reprocess,
            force=options.force,
            dry_run=options.dry_run,
        )
    if options.command == "calibrate":
        from launcher.calibrate import calibrate

        return lambda settings: calibrate(options.preset, options.judge, options.seed, settings, force=options.force)
    if options.command == "retrain":
        from launcher.retrain import retrain

        return lambda settings: retrain(options.preset, options.days, settings, force=options.force)
    if options.command == "ui":
        from launcher.ui import ui

        return ui
    from launcher.stop import stop

    return stop


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence, as every other mistake is told."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]} (`{self.prog} --help` lists what there is).")


def parser() -> argparse.ArgumentParser:
    root = Parser(prog="python -m launcher", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="refresh one day and show the result")
    run.add_argument("--day", type=_day, required=True, help="the day, as YYYY-MM-DD")
    run.add_argument(
        "--users", type=_count, default=0, help="how many users get intents; 0 (default): as the settings say"
    )
    run.add_argument("--force", action="store_true", help="compute again what is there already")
    backfill = commands.add_parser("backfill", help="refresh a range of days")
    backfill.add_argument("--from", dest="first", type=_day, required=True, help="the first day")
    backfill.add_argument("--to", dest="last", type=_day, required=True, help="the last day, included")
    backfill.add_argument(
        "--reprocess",
        choices=("none", "failed", "completed"),
        default="none",
        help="which days that have run before run again (default: none)",
    )
    backfill.add_argument("--users", type=_count, default=0, help="as for run")
    backfill.add_argument("--force", action="store_true", help="compute again what is there already")
    backfill.add_argument("--dry-run", action="store_true", help="only say which days would run")
    calibrate = commands.add_parser("calibrate", help="examine a judge and show the record")
    calibrate.add_argument("--preset", choices=("small", "full"), default="small", help="how much (default: small)")
    calibrate.add_argument(
        "--judge", choices=("shipped", "tune"), default="shipped", help="which (default: the one of the settings)"
    )
    calibrate.add_argument("--seed", type=_seed, help="of the attacks that are made for it")
    calibrate.add_argument("--force", action="store_true", help="examine again what was examined already")
    retrain = commands.add_parser("retrain", help="train a candidate release and show it")
    retrain.add_argument(
        "--preset", choices=("tiny", "small", "paper"), default="small", help="how much (default: small)"
    )
    retrain.add_argument("--days", type=_count, default=0, help="newest training days; 0 (default): as the preset says")
    retrain.add_argument("--force", action="store_true", help="train again what was trained already")
    commands.add_parser("ui", help="start Airflow and stay")
    commands.add_parser("stop", help="end what runs in this checkout")
    return root


def _day(text: str) -> date:
    return date.fromisoformat(day_argument(text))


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; write 0 or more")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
