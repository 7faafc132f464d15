"""The committed airflow.cfg: options that Airflow knows, nothing reachable from outside, no secret."""

from __future__ import annotations

import configparser
import importlib.util
from pathlib import Path

import pytest
import yaml

from settings import ROOT


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "airflow.cfg")
    return found


def test_airflow_knows_every_option(config: configparser.ConfigParser) -> None:
    package = importlib.util.find_spec("airflow")  # its path, without importing it
    assert package
    assert package.origin
    known = yaml.safe_load((Path(package.origin).parent / "config_templates" / "config.yml").read_text())

    for section in config.sections():
        for option in config[section]:
            assert option.removesuffix("_cmd") in known[section]["options"], f"[{section}] {option}"


def test_it_is_this_machine_s_own(config: configparser.ConfigParser) -> None:
    assert config["api"]["host"] == "127.0.0.1"
    assert config["core"]["load_examples"] == "False"
    assert config["core"]["executor"] == "LocalExecutor"
    assert config["core"]["simple_auth_manager_users"] == "admin:admin,reviewer:user,guest:viewer"


def test_secrets_are_read_from_files(config: configparser.ConfigParser) -> None:
    for section, option in (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret")):
        assert option not in config[section]
        assert "$AIRFLOW_HOME/secrets/" in config[section][f"{option}_cmd"]
