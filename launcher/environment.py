"""The environment that Airflow's processes, and the commands its tasks run, live in."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from launcher.java import java_home
from runtime import atomic
from settings import ROOT, AirflowSettings

HOST = "127.0.0.1"

# Nothing we start reports about its use.
SILENT = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


def address(settings: AirflowSettings) -> str:
    """Where the UI and the REST API listen."""
    return f"http://{HOST}:{settings.port}"


def password_file(settings: AirflowSettings) -> Path:
    """JSON of user name and password; the API server writes it at its first start."""
    return settings.home / "simple_auth_manager_passwords.json.generated"


def airflow_environment(settings: AirflowSettings, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """``base`` with what the committed ``airflow.cfg`` leaves open.

    Raises:
        InfrastructureError: there is no Java for Spark (launcher.java).
    """
    here = address(settings)
    return {
        **SILENT,
        **base,
        "AIRFLOW_HOME": str(settings.home),
        "AIRFLOW_CONFIG": str(ROOT / "airflow.cfg"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{here}/execution/",
        "AIRFLOW__API__BASE_URL": here,
        "AIRFLOW__API__PORT": str(settings.port),
        "JAVA_HOME": str(java_home(base)),
        # Spark would start its workers with the first python3 on PATH.
        "PYSPARK_PYTHON": sys.executable,
        "PATH": _joined(str(Path(sys.executable).parent), base.get("PATH"), os.pathsep),
        "PYTHONPATH": _joined(str(ROOT), base.get("PYTHONPATH"), os.pathsep),
        # A company's proxy must not see, or refuse, what these processes say to one another.
        "NO_PROXY": _joined(HOST, base.get("NO_PROXY"), ","),
        "no_proxy": _joined(HOST, base.get("no_proxy"), ","),
    }


def _joined(first: str, others: str | None, separator: str) -> str:
    return separator.join([first, *filter(None, [others])])


def create_home(settings: AirflowSettings) -> None:
    """Create AIRFLOW_HOME for this user alone, and once the secrets that its components share."""
    folder = settings.home / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    for name, value in {
        "fernet_key": fernet_key,
        "session_key": secrets.token_urlsafe(48),
        "token_key": secrets.token_urlsafe(48),
    }.items():
        atomic.write_once(folder / name, value, mode=0o600)
