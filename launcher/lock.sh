#!/bin/sh
# Resolve what requirements/*.in ask for into requirements.txt and requirements/*.txt. Pins that still fit stay, unless --upgrade.
set -eu

cd "$(dirname "$0")/.."
. launcher/package_sources.sh

# compile INPUT OUTPUT ARGUMENT...: neither a folder of this machine nor a registry gets into the file.
compile() {
    input=$1 output=$2
    shift 2
    echo "Resolving $input into $output"
    $VENV/bin/uv pip compile --quiet --python $VENV/bin/python --python-version 3.11 \
        --custom-compile-command "make lock" --output-file "$output" "$@" "$input"
}

adopt_pip_settings
compile requirements/cpu.in requirements.txt $(torch_backend) --overrides requirements/overrides.txt "$@"
# A worker without torch runs the same versions as one with it.
compile requirements/airflow.in requirements/airflow.txt --constraints requirements.txt "$@"
# Resolved for machines with a GPU, not run here; a folder of wheels may hold a torch without CUDA.
unset UV_FIND_LINKS
compile requirements/cuda.in requirements/cuda.txt --overrides requirements/cuda-overrides.txt "$@"
