"""Airflow as the launcher starts it: healthy, complete, and nobody's but this user's."""

from __future__ import annotations

import stat

import httpx
import psutil

from tests.end_to_end.airflow import RunningAirflow


def test_it_is_healthy_and_knows_the_dags_and_the_pool(airflow: RunningAirflow) -> None:
    rest = airflow.rest()
    health = rest.health()
    assert health
    assert set(health.values()) == {"healthy"}
    assert rest._call("GET", "/pools/heavy").json()["slots"] == 1
    assert rest.import_errors() == []
    # Four components, each below its guard.
    assert len(airflow.processes()) >= 8


def test_nobody_else_reads_the_passwords(airflow: RunningAirflow) -> None:
    assert str(airflow.passwords) in "".join(airflow.said)
    assert stat.S_IMODE(airflow.passwords.stat().st_mode) == 0o600


def test_every_port_is_this_machines_own(airflow: RunningAirflow) -> None:
    listening = {
        connection.laddr.ip
        for process in airflow.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_data_docs_are_for_those_who_are_logged_in_and_nothing_else_is_shown(airflow: RunningAirflow) -> None:
    rest = airflow.rest()
    assert rest._call("GET", "/plugins").json()["plugins"][0]["name"] == "intentflow_data_docs"
    stranger = httpx.Client(base_url=airflow.address, trust_env=False)
    user = rest._client
    assert user.get("/data-docs/index.html").status_code == 404
    raw = airflow.data_docs / ".results" / "raw.html"
    raw.parent.mkdir(parents=True)
    outside = airflow.folder / "outside.html"
    for page in (airflow.data_docs / "index.html", raw, outside):
        page.write_text("<p>audits</p>")

    for path in ("index.html", "", "none.html", "docs", "x?batch=y"):
        assert stranger.get(f"/data-docs/{path}").status_code == 401
    shown = user.get("/data-docs/index.html")
    assert (shown.status_code, shown.text) == (200, "<p>audits</p>")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    for path in ("none.html", ".results/raw.html", "..%2Foutside.html", "%2e%2e/outside.html", "openapi.json"):
        assert user.get(f"/data-docs/{path}").status_code == 404
    assert user.get("/data-docs/").headers["location"] == "/data-docs/index.html"
    assert user.get("/data-docs/", params={"batch": "_batches/../x.json"}).status_code == 422
    missing = user.get("/data-docs/", params={"batch": "_batches/rollups/none.json"})
    assert (missing.status_code, missing.json()["detail"][:34]) == (404, "There is no batch _batches/rollups")
    for page in (airflow.data_docs / "index.html", raw, outside):
        page.unlink()
    raw.parent.rmdir()
