"""What torch and vLLM read from the environment when they are imported: apart, for whoever embeds needs no engine."""

from __future__ import annotations

import os

from settings import EngineSettings


def prepare_environment(settings: EngineSettings) -> None:
    """Set what torch and vLLM read when they are imported; call it before either is. What is set already stays."""
    wanted = {
        "OMP_NUM_THREADS": str(settings.threads),
        # Threads that wait must not spin: on a shared machine they would take the core from those that work.
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # The engine core in this process: one engine, one owner, nothing left behind when it dies.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
        # Standard output belongs to the manifest.
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
