#!/usr/bin/env bash
# Makes everything that vemoclap needs on this machine. Safe to run again: a second run that finds
# nothing to do takes a few seconds.
#
#   bash setup.sh          the program, in .venv
#   bash setup.sh --dev    also what its tests need
#   bash setup.sh --cpu    smaller torch without GPU support, from PyTorch's own package index
#   bash setup.sh --here   the program in the Python that runs, or in $PYTHON, instead of .venv;
#                          for notebooks, which cannot change theirs
#
# On Google Colab --here is understood. It leaves torch, torchvision and numpy as they are, and the
# kernel too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
KEPT="torch torchvision numpy" # of a Python that was there before us
FACENET="facenet-pytorch==2.6.0" # its metadata pins torch < 2.3; it runs on later ones
ULTRALYTICS="ultralytics>=8.3"   # its opencv-python would clash with RapidOCR's headless one

dev=false cpu=false here=false
for option in "$@"; do
    case "$option" in
    --dev) dev=true ;;
    --cpu) cpu=true ;;
    --here) here=true ;;
    *)
        echo "setup.sh: unknown option $option (there are --dev, --cpu and --here)" >&2
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
    if $dev; then
        command -v espeak-ng >/dev/null || echo espeak-ng
        command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
    fi
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

in_place() { $here || python3 -c 'import google.colab' 2>/dev/null; }

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

versions() { # of the packages that a Python which was there before us must not lose
    "$python" - $KEPT <<'PY'
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
    "${pip[@]}" --no-deps "$FACENET" "$ULTRALYTICS"
    "${pip[@]}" "$@" --editable ".$(extras)"
}

extras() { # Voila and a kernel only where the kernel is ours
    if in_place; then
        if $dev; then echo "[dev]"; fi
    elif $dev; then
        echo "[dev,page]"
    else
        echo "[page]"
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
if in_place; then
    python=${PYTHON:-python3}
    vemoclap=vemoclap
    new_enough "$python" || die "this is $("$python" --version); vemoclap needs 3.11 or newer"
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
# What is there for the tests will do for the program alone.
if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ] ||
    { ! $dev && [ "$(cat "$stamp" 2>/dev/null)" = "$(dev=true && fingerprint)" ]; }; then
    say "nothing to do"
else
    say "installing packages (several minutes the first time)"
    rm -f "$stamp"
    install_packages ${constraint[@]+"${constraint[@]}"}
    fingerprint >"$stamp"
fi
if in_place; then
    lost=$(grep -Fxv -f <(versions) <<<"$before" || true)
    [ -z "$lost" ] || die "these changed:" $lost "->" $(versions)"; restart the runtime"
    say "left as they were:" ${before:-nothing of $KEPT was here}
fi
say "ready: $vemoclap analyze VIDEO"
