"""What a cluster's executors know of this process's environment, which none of them inherits.

In local mode Spark's workers are children of this process. On a cluster they are started by others, elsewhere: an
executor reads and writes the lake itself, and has no credentials for S3 but those that the settings hand over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime.errors import CommandError, ConfigurationError

SETTING = "INTENTFLOW_SPARK__EXECUTOR_ENVIRONMENT"
# Spark's own name for a variable of its executors.
PREFIX = "spark.executorEnv."


def handed_over(names: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark's configuration that gives executors these variables as they are here; what is not set here is left out."""
    return {f"{PREFIX}{name}": environment[name] for name in names if environment.get(name)}


def seen_on_executor(error: CommandError, master: str, names: Sequence[str]) -> CommandError:
    """An executor's error; where settings are wrong it says that they are an executor's, and who hands them over."""
    if master.startswith("local") or not isinstance(error, ConfigurationError):
        return error
    given = ", ".join(names) if names else "no variable"
    return ConfigurationError(
        f"An executor of Spark at {master} says: {error} Executors are not started by this process: of its environment "
        f"they have {given}, as far as set ({SETTING}, a JSON list), and what their own machine gives them."
    )
