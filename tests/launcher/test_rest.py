"""The REST client against a real HTTP server that answers like Airflow's."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from launcher.rest import Rest
from runtime.errors import InfrastructureError


@pytest.fixture
def client(answers: Any, password_file: Path) -> Rest:
    return Rest(answers.address, password_file)


def a_run(**fields: Any) -> dict[str, Any]:
    return {
        "dag_run_id": "manual__1",
        "state": "queued",
        "run_type": "manual",
        "partition_key": "2017-11-01",
        "queued_at": "2026-11-22T01:54:12.495818Z",
        **fields,
    }


def test_a_run_is_triggered_for_its_partition(answers: Any, client: Rest) -> None:
    answers.put("POST /dags/daily_refresh/dagRuns", a_run())

    run = client.trigger("daily_refresh", "2017-11-01", {"users": 12})

    assert (run.run_id, run.partition_key, run.finished) == ("manual__1", "2017-11-01", False)
    # The first call has no token and is sent again with one.
    assert answers.calls == [
        (
            "POST /dags/daily_refresh/dagRuns",
            {"logical_date": None, "partition_key": "2017-11-01", "conf": {"users": 12}},
        )
    ]


def test_all_pages_are_read(answers: Any, client: Rest) -> None:
    answers.put("GET /dags/d/dagRuns", {"dag_runs": [], "all": [a_run(dag_run_id=str(n)) for n in range(250)]})

    assert [run.run_id for run in client.runs("d")] == [str(number) for number in range(250)]


def test_an_unknown_dag_is_none_and_no_error(client: Rest) -> None:
    assert client.dag("daily_refresh") is None


def test_a_pool_is_created_once_and_resized(answers: Any, client: Rest) -> None:
    answers.put("POST /pools", {"name": "heavy", "slots": 1})
    client.ensure_pool("heavy", 1)
    answers.put("GET /pools/heavy", {"name": "heavy", "slots": 1})
    client.ensure_pool("heavy", 1)
    answers.put("PATCH /pools/heavy", {"name": "heavy", "slots": 4})
    client.ensure_pool("heavy", 4)

    changes = [call for call, _ in answers.calls if not call.startswith("GET")]
    assert changes == ["POST /pools", "PATCH /pools/heavy"]


def test_a_refusal_says_what_airflow_says(answers: Any, client: Rest) -> None:
    answers.put("PATCH /dags/d", {"detail": "Forbidden"}, status=403)

    with pytest.raises(InfrastructureError, match=r"refused PATCH /dags/d \(403\): Forbidden"):
        client.set_paused("d", False)


def test_a_wrong_password(answers: Any, password_file: Path) -> None:
    password_file.write_text(json.dumps({"admin": "not it"}))

    with pytest.raises(InfrastructureError, match=r"refused the password in .*passwords\.json"):
        Rest(answers.address, password_file).dag("d")


def test_no_password_file(answers: Any, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="has no password of admin"):
        Rest(answers.address, tmp_path / "nothing.json").dag("d")


def test_a_server_that_is_gone(password_file: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Rest(f"http://127.0.0.1:{free.getsockname()[1]}", password_file, patience=0.0)

        assert client.health() is None
        with pytest.raises(InfrastructureError, match="does not answer"):
            client.dag("d")


def test_health_by_component(answers: Any, client: Rest) -> None:
    answers.put("GET /monitor/health", {"metadatabase": {"status": "healthy"}, "scheduler": {"status": None}})

    assert client.health() == {"metadatabase": "healthy", "scheduler": None}


def test_a_proxy_of_the_environment_is_not_asked(
    answers: Any, password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answers.put("GET /monitor/health", {"metadatabase": {"status": "healthy"}})

    assert Rest(answers.address, password_file).health() == {"metadatabase": "healthy"}
