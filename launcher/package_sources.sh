# Sourced by set_up.sh and lock.sh: where uv finds packages on this machine. No registry is named in this repository.

VENV=.venv

# pip_setting VARIABLE NAME: what pip is told, by its environment or by its configuration files.
pip_setting() {
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$($VENV/bin/python -m pip config get "global.$2" 2>/dev/null) || value=
    # Several are separated by blanks or new lines for pip, by commas for uv.
    echo $value | tr ' ' ','
}

# uv does not read pip's settings: a mirror, its certificates and folders of wheels it must be told again.
adopt_pip_settings() {
    UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$(pip_setting PIP_INDEX_URL index-url)}
    UV_FIND_LINKS=${UV_FIND_LINKS:-$(pip_setting PIP_FIND_LINKS find-links)}
    SSL_CERT_FILE=${SSL_CERT_FILE:-$(pip_setting PIP_CERT cert)}
    [ -z "$UV_DEFAULT_INDEX" ] || export UV_DEFAULT_INDEX
    [ -z "$UV_FIND_LINKS" ] || export UV_FIND_LINKS
    [ -z "$SSL_CERT_FILE" ] || export SSL_CERT_FILE
}

# The CPU build of torch carries a local version, which the usual index does not have. Where no folder of wheels offers
# it, uv fetches it from the index of the PyTorch project.
torch_backend() {
    grep -E '^torch==' requirements/cpu.in |
        $VENV/bin/uv pip compile --quiet --no-deps --python $VENV/bin/python - >/dev/null 2>&1 ||
        echo "--torch-backend=cpu"
}
