"""A small HTTP server that answers as Airflow's API server does, from what a test puts in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

TOKEN = "a-token"
PASSWORD = "a-password"


class Answers:
    """What is answered, by method and path: a list is gone through and its last one repeated."""

    def __init__(self) -> None:
        self.by_call: dict[str, list[tuple[int, Any]]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.address = ""

    def put(self, call: str, *answers: Any, status: int = 200) -> None:
        self.by_call[call] = [(status, answer) for answer in answers]

    def take(self, call: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        self.calls.append((call, body))
        if call not in self.by_call:
            return 404, {"detail": f"no {call} here"}
        left = self.by_call[call]
        status, answer = left[0] if len(left) == 1 else left.pop(0)
        if "limit" in query and isinstance(answer, dict) and "all" in answer:
            offset, limit = int(query["offset"][0]), int(query["limit"][0])
            (name,) = set(answer) - {"all"}
            answer = {name: answer["all"][offset : offset + limit]}
        return status, answer


@pytest.fixture
def answers() -> Iterator[Answers]:
    """The server, on a free port of this machine; what it answers is for the test to put in."""
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            url = urlsplit(self.path)
            if url.path == "/auth/token":
                known = body == {"username": "admin", "password": PASSWORD}
                status, answer = (201, {"access_token": TOKEN}) if known else (401, {"detail": "Invalid credentials"})
            elif url.path != "/api/v2/monitor/health" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, {"detail": "Not authenticated"}
            else:
                call = f"{self.command} {url.path.removeprefix('/api/v2')}"
                status, answer = found.take(call, parse_qs(url.query), body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """The file of passwords as the API server writes it."""
    file = tmp_path / "passwords.json"
    file.write_text(json.dumps({"admin": PASSWORD, "guest": "another"}))
    return file
