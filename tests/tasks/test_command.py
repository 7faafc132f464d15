"""Commands as tasks: which exit code retries, what a task returns, that stopping the task stops the command."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import psutil
import pytest
from airflow.sdk import BaseOperator, Context, TriggerRule
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from runtime.errors import Exit
from runtime.process import Result, run
from tasks.command import Command, outcome, spark_job


def ended_with(code: int) -> Result:
    """The result of a real command that logs an error and ends with this code."""
    return run(
        [
            sys.executable,
            "-c",
            "import logging, os, sys; logging.basicConfig(format='%(asctime)s %(levelname)s %(message)s')\n"
            "code = int(sys.argv[1])\n"
            "if code < 0: os.kill(os.getpid(), -code)\n"
            "if code: logging.error('Exit code %d it is.', code)\n"
            "else: print('{\"rows\": 3}')\n"
            "sys.exit(code)",
            str(code),
        ]
    )


def test_good_end_gives_the_manifest() -> None:
    assert outcome(ended_with(Exit.OK)) == {"rows": 3}


@pytest.mark.parametrize("code", [Exit.INTERNAL, Exit.INFRASTRUCTURE, -9])
def test_retried(code: int) -> None:
    with pytest.raises(AirflowException) as raised:
        outcome(ended_with(code))
    assert not isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize("code", [Exit.USAGE, Exit.DATA, Exit.NO_INPUT, Exit.RACE_LOST, Exit.CONFIG, 1, 127])
def test_not_retried(code: int) -> None:
    with pytest.raises(AirflowFailException, match=f"Exit code {code} it is."):
        outcome(ended_with(code))


def test_of_all_exit_codes_two_are_retried_and_every_signal() -> None:
    """In numbers, as docs/architecture.md tells them: members of an enum would follow its mistakes."""

    def retried(code: int) -> bool:
        with pytest.raises(AirflowException, match="why") as raised:
            outcome(Result(code, None, "why", 0.0))
        return not isinstance(raised.value, AirflowFailException)

    assert {code for code in range(1, 256) if retried(code)} == {70, 75}
    assert all(retried(-number) for number in signal.valid_signals())


def test_no_manifest_is_not_retried() -> None:
    with pytest.raises(AirflowFailException, match="printed no manifest"):
        outcome(run(["true"]))


def execute(operator: BaseOperator, context: Context | None = None) -> Any:
    """As the task runner does, which alone may."""
    operator.allow_nested_operators = True
    return operator.execute(context or Context())


def test_real_command_with_wrong_arguments_is_not_retried() -> None:
    """Empty arguments, from templates that rendered to nothing, do not reach the command."""
    with pytest.raises(AirflowFailException, match="the following arguments are required: --batch"):
        execute(Command(task_id="publish", module="lake.publish", arguments=["", ""]))


def test_real_command_without_its_input_is_not_retried(tmp_path: Any) -> None:
    arguments = ["--lake", str(tmp_path), "--batch", "_batches/none.json"]
    with pytest.raises(AirflowFailException, match="no batch"):
        execute(Command(task_id="publish", module="lake.publish", arguments=arguments))


def running(operator: Command) -> list[psutil.Process]:
    """The processes of an operator's command, once they are that command: before, they are copies of their guard."""
    child = operator._child
    if child is None:
        return []
    return [one for one in psutil.Process(child._guard.pid).children() if one.cmdline()[1:2] == ["-m"]]


def test_on_kill_stops_the_command() -> None:
    operator = Command(task_id="serve", module="http.server", arguments=["--bind", "127.0.0.1", "0"])
    served: list[psutil.Process] = []

    def kill_once_it_runs() -> None:
        while not served:
            served.extend(running(operator))
            time.sleep(0.01)
        operator.on_kill()

    killer = threading.Thread(target=kill_once_it_runs)
    killer.start()
    # A server ends for no other reason, so that this returns at all says that it was stopped.
    with pytest.raises(AirflowException, match=r"http\.server was ended by SIGTERM"):
        execute(operator)
    killer.join()
    assert not any(process.is_running() for process in served)


def test_on_kill_without_a_command() -> None:
    Command(task_id="idle", module="http.server").on_kill()


def test_a_job_runs_also_after_skipped_tasks() -> None:
    operator = spark_job("roll_up", "--day", "2017-11-01").operator
    assert operator.trigger_rule == TriggerRule.NONE_FAILED
    assert (operator.task_id, operator.module) == ("roll_up", "spark_jobs.roll_up")
    assert operator.pool == "heavy"


def test_report_cuts_what_is_large() -> None:
    operator = Command(task_id="land", module="spark_jobs.land")
    large: Sequence[str] = ["day"] * 10_000
    assert operator.report({"rows": 3, "batches": ["a"] * 1_000, "days": large}) == {
        "rows": 3,
        "batches": ["a"] * 1_000,
    }
