#!/usr/bin/env bash
# Makes everything that vemoclap needs on this machine. Safe to run again: a second run that finds
# nothing to do takes a few seconds.
#
#   bash setup.sh          the program, in .venv
#   bash setup.sh --dev    also what its tests need
#   bash setup.sh --cpu    smaller torch without GPU support, from PyTorch's own package index
#
# On Google Colab there is no .venv: the running Python is used, and its torch, torchvision and
# numpy are left as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
KEPT_ON_COLAB="torch torchvision numpy"
FACENET="facenet-pytorch==2.6.0" # its metadata pins torch < 2.3; it runs on later ones
ULTRALYTICS="ultralytics>=8.3"   # its opencv-python would clash with RapidOCR's headless one

dev=false cpu=false
for option in "$@"; do
    case "$option" in
    --dev) dev=true ;;
    --cpu) cpu=true ;;
    *)
        echo "setup.sh: unknown option $option (there are --dev and --cpu)" >&2
        exit 2
        ;;
    esac
done

say() { echo "setup.sh: $*"; }
die() {
    echo "setup.sh: $*" >&2
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# -- system packages --------------------------------------------------------------------------

missing_tools() {
    command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || echo ffmpeg
    if $dev; then command -v espeak-ng >/dev/null || echo espeak-ng; fi
}

install_tools() {
    local tools as_root=()
    tools=$(missing_tools)
    [ -n "$tools" ] || return 0
    if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing" $tools
        "${as_root[@]}" apt-get update -qq
        # shellcheck disable=SC2086  # one word per package
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq \
            --no-install-recommends $tools >/dev/null
    fi
    tools=$(missing_tools)
    [ -z "$tools" ] || die "please install" $tools \
        "(Debian, Ubuntu: sudo apt install" $tools"; macOS: brew install" $tools") and run me again"
}

# -- Python -----------------------------------------------------------------------------------

on_colab() { python3 -c 'import google.colab' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "vemoclap needs Python 3.11 or newer; install it or name it: PYTHON=/path/to/python bash setup.sh"
}

make_environment() {
    local base
    if [ -x .venv/bin/python ] && new_enough .venv/bin/python; then return; fi
    base=$(find_python)
    say "making .venv with $("$base" --version)"
    "$base" -m venv --clear .venv ||
        die "$base cannot make a virtual environment (Debian, Ubuntu: sudo apt install python3-venv)"
}

versions() { # of the packages that Colab's own must not lose
    "$python" - $KEPT_ON_COLAB <<'PY'
import sys
from importlib import metadata

for name in sys.argv[1:]:
    try:
        print(f"{name}=={metadata.version(name)}")
    except metadata.PackageNotFoundError:
        pass
PY
}

install_packages() {
    local pip=("$python" -m pip install --quiet --disable-pip-version-check)
    if $cpu; then "${pip[@]}" --index-url "$TORCH_CPU_INDEX" torch torchvision; fi
    "${pip[@]}" "$@" -r requirements.txt
    "${pip[@]}" --no-deps "$FACENET"
    if $dev; then
        "${pip[@]}" "$@" --editable '.[dev,paper]'
        "${pip[@]}" --no-deps "$ULTRALYTICS"
    else
        "${pip[@]}" "$@" --editable .
    fi
}

fingerprint() { # of everything that decides what is installed
    { cat requirements.txt pyproject.toml setup.sh && pwd && "$python" --version; } |
        cksum | tr -d ' \n'
    echo " dev=$dev cpu=$cpu"
}

# -- the run ----------------------------------------------------------------------------------

install_tools
constraint=()
if on_colab; then
    python=python3
    vemoclap=vemoclap
    new_enough python3 || die "this runtime has $(python3 --version); vemoclap needs 3.11 or newer"
    before=$(versions)
    constraints=$(mktemp)
    trap 'rm -f "$constraints"' EXIT
    echo "$before" >"$constraints"
    constraint=(--constraint "$constraints")
else
    make_environment
    python=.venv/bin/python
    vemoclap=.venv/bin/vemoclap
fi

# In the environment itself, so that it goes when the environment goes.
stamp=$("$python" -c 'import sys; print(sys.prefix)')/vemoclap-setup
if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
    say "nothing to do"
else
    say "installing packages (several minutes the first time)"
    rm -f "$stamp"
    install_packages ${constraint[@]+"${constraint[@]}"}
    fingerprint >"$stamp"
fi
if on_colab; then
    [ "$(versions)" = "$before" ] ||
        die "torch, torchvision or numpy changed:" $before "->" $(versions)"; restart the runtime"
    say "left as they were:" $before
fi
say "ready: $vemoclap analyze VIDEO"
