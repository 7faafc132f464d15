"""A typed client for the few calls of Airflow's REST API that the launcher makes."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from runtime.errors import InfrastructureError

PAGE = 100
UNFINISHED = ("queued", "running")


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG, as far as the launcher needs it."""

    run_id: str
    state: str
    run_type: str
    partition_key: str | None
    queued_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.state not in UNFINISHED

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> DagRun:
        return cls(
            answer["dag_run_id"],
            answer["state"],
            answer["run_type"],
            answer.get("partition_key"),
            parse_time(answer.get("queued_at")),
        )


@dataclass(frozen=True)
class TaskInstance:
    """A task of a run; ``map_index`` is -1 unless it is mapped."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    start: datetime | None
    end: datetime | None
    label: str | None

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id, self.map_index

    @property
    def name(self) -> str:
        """The task's name, with the mapped one's own label or number."""
        return self.task_id if self.map_index < 0 else f"{self.task_id} [{self.label or self.map_index}]"

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> TaskInstance:
        return cls(
            answer["task_id"],
            answer["map_index"],
            answer["state"],
            answer["try_number"],
            parse_time(answer.get("start_date")),
            parse_time(answer.get("end_date")),
            answer.get("rendered_map_index"),
        )


def parse_time(text: str | None) -> datetime | None:
    """An instant as Airflow writes it."""
    return datetime.fromisoformat(text) if text else None


class Rest:
    """Airflow's REST API as one of its users.

    Args:
        address: without a path, ``http://127.0.0.1:8080``.
        password_file: JSON of names and passwords; read when the first call needs a token.
        patience: seconds for which a call is tried again when nothing answers: a machine at full load may keep the
            API server from it for a while.
    """

    def __init__(self, address: str, password_file: Path, user: str = "admin", patience: float = 60.0) -> None:
        self.address, self.password_file, self.user, self.patience = address, password_file, user, patience
        # Proxies of the environment are not for this machine's own port.
        self._client = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def health(self) -> dict[str, str | None] | None:
        """Each component's status; None while the API server does not answer."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
            return {name: part["status"] for name, part in answer.json().items()}
        except (httpx.TransportError, ValueError):
            return None

    def warm_up(self) -> None:
        """Have the API of the tasks built now, and not when the first task waits for it, for no longer than 5 s."""
        with contextlib.suppress(httpx.TransportError):
            self._client.get("/execution/health", timeout=30)

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG, or None while Airflow does not know it."""
        answer = self._call("GET", f"/dags/{dag_id}", allow=(404,))
        return None if answer.status_code == 404 else dict(answer.json())

    def import_errors(self) -> list[tuple[str, str]]:
        """File name and traceback of each DAG file that does not load."""
        found = self._list("/importErrors", "import_errors")
        return [(error["filename"], error["stack_trace"]) for error in found]

    def set_paused(self, dag_id: str, paused: bool) -> None:
        self._call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def ensure_pool(self, name: str, slots: int) -> None:
        """Create the pool, or give the one that exists this size."""
        answer = self._call("GET", f"/pools/{name}", allow=(404,))
        if answer.status_code == 404:
            self._call("POST", "/pools", {"name": name, "slots": slots})
        elif answer.json()["slots"] != slots:
            self._call("PATCH", f"/pools/{name}?update_mask=slots", {"name": name, "slots": slots})

    def trigger(self, dag_id: str, partition_key: str | None, conf: Mapping[str, Any]) -> DagRun:
        """Start a run: of one partition, or of a DAG that has none."""
        body = {"logical_date": None, "partition_key": partition_key, "conf": dict(conf)}
        return DagRun.parse(self._call("POST", f"/dags/{dag_id}/dagRuns", body).json())

    def run(self, dag_id: str, run_id: str) -> DagRun:
        return DagRun.parse(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}").json())

    def runs(self, dag_id: str, states: Sequence[str] = (), run_type: str | None = None) -> list[DagRun]:
        """The DAG's runs, oldest first."""
        parameters: dict[str, Any] = {"order_by": "id"}
        if states:
            parameters["state"] = list(states)
        if run_type:
            parameters["run_type"] = run_type
        return [DagRun.parse(run) for run in self._list(f"/dags/{dag_id}/dagRuns", "dag_runs", parameters)]

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Close a run: it, and its tasks that run, are marked as failed."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"state": "failed"})

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return [TaskInstance.parse(task) for task in self._list(path, "task_instances")]

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned.

        Raises:
            InfrastructureError: it returned nothing.
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path).json()["value"]

    def plan_backfill(self, body: Mapping[str, Any]) -> list[str]:
        """The partition keys that this backfill would run."""
        planned = self._call("POST", "/backfills/dry_run", body).json()["backfills"]
        return [run["partition_key"] for run in planned]

    def start_backfill(self, body: Mapping[str, Any]) -> tuple[int, datetime]:
        """Returns the backfill's number, and when it was created."""
        answer = self._call("POST", "/backfills", body).json()
        return answer["id"], datetime.fromisoformat(answer["created_at"])

    def cancel_backfill(self, backfill_id: int) -> None:
        self._call("PUT", f"/backfills/{backfill_id}/cancel", allow=(409,))

    def _list(self, path: str, name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            wanted = {**(parameters or {}), "limit": PAGE, "offset": len(rows)}
            answer = self._call("GET", path, parameters=wanted).json()
            rows += answer[name]
            if len(answer[name]) < PAGE:
                return rows

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        allow: Sequence[int] = (),
    ) -> httpx.Response:
        answer = self._send(method, path, body, parameters)
        if answer.status_code == 401:  # no token yet, or one that has expired
            self._log_in()
            answer = self._send(method, path, body, parameters)
        if answer.is_success or answer.status_code in allow:
            return answer
        raise InfrastructureError(f"Airflow refused {method} {path} ({answer.status_code}): {_reason(answer)}.")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Send, for a while again when nothing answers; a change only when it cannot have arrived."""
        give_up = time.monotonic() + self.patience
        repeatable: tuple[type[Exception], ...] = (
            (httpx.TransportError,) if method == "GET" else (httpx.ConnectError, httpx.ConnectTimeout)
        )
        while True:
            try:
                return self._client.request(method, f"/api/v2{path}", json=body, params=parameters)
            except httpx.TransportError as error:
                if not isinstance(error, repeatable) or time.monotonic() > give_up:
                    raise InfrastructureError(
                        f"Airflow's API server at {self.address} does not answer ({type(error).__name__})."
                    ) from error
                time.sleep(1)

    def _log_in(self) -> None:
        try:
            password = json.loads(self.password_file.read_text())[self.user]
        except (OSError, ValueError, KeyError):
            raise InfrastructureError(
                f"{self.password_file} has no password of {self.user}: remove the file and start again."
            ) from None
        answer = self._client.post("/auth/token", json={"username": self.user, "password": password})
        if answer.status_code != 201:
            raise InfrastructureError(f"Airflow refused the password in {self.password_file}: {_reason(answer)}.")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _reason(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    return detail if isinstance(detail, str) else json.dumps(detail)[:300]
