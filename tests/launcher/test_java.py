"""Which Java Spark gets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launcher.java import java_home, parse_properties, write_shim

# What `java -XshowSettings:properties -version` prints, cut.
PROPERTIES = """\
Property settings:
    java.class.version = 61.0
    java.home = /some java/17
    java.library.path = /usr/java/packages/lib
        /usr/lib
    java.specification.version = {release}
    java.vendor = Somebody
openjdk version "17.0.15" 2025-04-15
"""


def machine_java(folder: Path, release: str, home: Path) -> Path:
    """A ``java`` that says of itself what a real one says; returns the folder that holds ``bin``."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    text = PROPERTIES.format(release=release).replace("/some java/17", str(home))
    java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{text}END\n")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("release", "fits"), [("1.8", False), ("11", False), ("17", True), ("21", True), ("25", False)]
)
def test_releases_that_spark_supports(release: str, fits: bool) -> None:
    assert parse_properties(PROPERTIES.format(release=release)) == (Path("/some java/17") if fits else None)


def test_text_without_properties_is_no_java() -> None:
    assert parse_properties("sh: java: not found") is None


def test_java_home_goes_first_then_path(tmp_path: Path) -> None:
    named = machine_java(tmp_path / "named", "17", tmp_path / "named")
    on_path = machine_java(tmp_path / "path", "21", tmp_path / "home of the one on PATH")
    path = f"{on_path / 'bin'}:/bin:/usr/bin"

    assert java_home({"JAVA_HOME": str(named), "PATH": path}) == named
    assert java_home({"PATH": path}) == tmp_path / "home of the one on PATH"


def test_an_old_java_gives_way_to_the_bundled_one(tmp_path: Path) -> None:
    old = machine_java(tmp_path / "old", "11", tmp_path / "old")
    environment = {"JAVA_HOME": str(old), "PATH": f"{old / 'bin'}:/nowhere"}

    assert java_home(environment, tmp_path / "bundled") == tmp_path / "bundled"


def test_bundled_java_runs_with_the_module_it_lacks(tmp_path: Path) -> None:
    home = write_shim(tmp_path / "a folder" / "java")

    answer = subprocess.run(
        [home / "bin" / "java", "--add-modules=jdk.incubator.vector", "-Dtext=two words", "-version"],
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 0, answer.stderr
    assert 'version "21' in answer.stderr


def test_shim_is_written_once(tmp_path: Path) -> None:
    shim = write_shim(tmp_path) / "bin" / "java"
    written = shim.stat().st_mtime_ns

    assert write_shim(tmp_path) == tmp_path
    assert shim.stat().st_mtime_ns == written

    shim.write_text("#!/bin/sh\nexec /moved/away/java\n")
    write_shim(tmp_path)
    assert "moved" not in shim.read_text()
