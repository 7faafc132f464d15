"""The Spark session, from settings."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from runtime.errors import ConfigurationError
from settings import ROOT, load_settings
from spark_jobs.distributed.executors import handed_over


@contextmanager
def spark_session(name: str) -> Iterator[SparkSession]:
    """Start a session, stop it afterwards; one that runs already is used, and left running.

    Nothing listens beyond this machine in local mode; the UI is off. A cluster's executors get the variables that the
    setting ``executor_environment`` names.

    Raises:
        ConfigurationError: there is no Java to start Spark with.
    """
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    settings = load_settings().spark
    logging.getLogger("py4j").setLevel(logging.WARNING)
    # Workers import this project as the driver does.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).with_name("conf")))
    builder = (
        SparkSession.builder.appName(f"intentflow-{name}")
        .master(settings.master)
        .config("spark.driver.memory", settings.driver_memory)
        # On a cluster, workers find this project where it is here.
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
        # A core has a worker already.
        .config("spark.executorEnv.POLARS_MAX_THREADS", "1")
        .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", str(settings.partitions))
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "200000")
        .config("spark.python.worker.reuse", "true")
    )
    if settings.master.startswith("local"):
        # A cluster's executors call back, so there Spark finds the driver's address itself.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    else:
        for name, value in handed_over(settings.executor_environment, os.environ).items():
            builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise ConfigurationError(
            f"Spark could not start ({type(error).__name__}: {str(error).splitlines()[0]}). It needs Java 17 or newer: "
            "set JAVA_HOME, or run through `make`, which brings one."
        ) from error
    try:
        yield session
    finally:
        session.stop()
