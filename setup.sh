#!/usr/bin/env bash
# Makes everything that vemoclap needs on this machine. Safe to run again: a second run that finds
# nothing to do takes a second.
#
#   bash setup.sh            the program, in .venv, at the versions of requirements.lock
#   bash setup.sh --dev      also what its tests need
#   bash setup.sh --newest   the newest versions that requirements.txt allows, not the lock's
#   bash setup.sh --cpu      smaller torch without GPU support, from PyTorch's own package index
#   bash setup.sh --here     the program in the Python that runs, or in $PYTHON, instead of .venv;
#                            for notebooks, which cannot change theirs. It never uses the lock.
#
# On Google Colab --here is understood. It leaves torch, torchvision and numpy as they are, and the
# kernel too. Packages are installed by uv, which is fetched into .venv, or by pip where uv cannot
# be had. A pin that cannot be had is named, and the range in requirements.txt holds instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TORCH_CPU_INDEX=${TORCH_CPU_INDEX:-https://download.pytorch.org/whl/cpu}
KEPT="torch torchvision numpy" # of a Python that was there before us

venv=${VENV:-.venv} # tests/with_paddle.sh names another, and other extras
uv=$venv/bin/uv
dev=false cpu=false here=false newest=false
for option in "$@"; do
    case "$option" in
    --dev) dev=true ;;
    --cpu) cpu=true ;;
    --here) here=true ;;
    --newest) newest=true ;;
    *)
        echo "setup.sh: unknown option $option (there are --dev, --newest, --cpu and --here)" >&2
        exit 2
        ;;
    esac
done

if ! [ -t 1 ]; then # Jupyter asks for colours that nothing shows
    unset FORCE_COLOR CLICOLOR_FORCE
    export NO_COLOR=1
fi
if python3 -c 'import google.colab' 2>/dev/null; then here=true; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pins=$scratch/pins.txt
log=$scratch/log.txt

say() { echo "setup.sh: $*"; }
die() {
    echo "setup.sh: $*" >&2
    exit 1
}

quietly() { "$@" >"$log" 2>&1; } # whoever cares about a failure shows $log

was() { grep -qs " $1=true" "$stamp"; } # asked for when the environment was filled

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
    local tools as_root="" apt
    tools=$(missing_tools)
    [ -n "$tools" ] || return 0
    if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
    if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
        apt="$as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get --no-install-recommends"
        say "installing" $tools "with apt-get"
        # shellcheck disable=SC2086  # one word each
        {
            quietly $as_root apt-get update || true
            $apt install --assume-no $tools 2>/dev/null |
                sed -n 's/^Need to get \(.*\) of archives./  \1 to download/p' || true
            quietly $apt install --yes $tools || cat "$log" >&2
        }
    fi
    tools=$(missing_tools)
    [ -z "$tools" ] || die "please install" $tools \
        "(Debian, Ubuntu: sudo apt install" $tools"; macOS: brew install" $tools") and run me again"
}

# -- Python -----------------------------------------------------------------------------------

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

make_environment() { # anew where torch's 5 GB for GPUs would stay behind
    local base
    if [ -x "$venv/bin/python" ] && new_enough "$venv/bin/python" && { ! $cpu || was cpu; }; then return; fi
    base=$(find_python)
    say "making $venv with $("$base" --version)"
    "$base" -m venv --clear "$venv" ||
        die "$base cannot make a virtual environment (Debian, Ubuntu: sudo apt install python3-venv)"
}

versions() { # of the packages that are named, where they are installed
    "$python" - "$@" <<'PY'
import sys
from importlib import metadata

for name in sys.argv[1:]:
    try:
        print(f"{name}=={metadata.version(name)}")
    except metadata.PackageNotFoundError:
        pass
PY
}

at_odds() { # what installed packages say against each other
    "$python" -m pip check 2>/dev/null | grep -v "^No broken" || true
}

replaced() { # the pins of requirements.lock that were not installed, and what was instead
    "$python" - <<'PY'
import re
from importlib import metadata
from pathlib import Path

from pip._vendor.packaging.version import Version

pinned = {}
for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", Path("requirements.lock").read_text()):
    pinned.setdefault(name, []).append(Version(version).public)
for name, versions in pinned.items():
    try:
        installed = Version(metadata.version(name)).public
    except metadata.PackageNotFoundError:
        continue
    if installed not in versions:
        print(f"{name}=={' or '.join(versions)} ({installed} instead)", end="; ")
PY
}

# -- packages ---------------------------------------------------------------------------------

extras() { # Voila and a kernel only where the kernel is ours
    if [ -n "${EXTRAS:-}" ]; then
        printf '%s\n' $EXTRAS
        return
    fi
    if $dev; then echo dev; fi
    if ! $here; then echo page; fi
}

size() {
    if $here; then
        echo "about 0.7 GB to download"
    elif $cpu || [ "$(uname)" = Darwin ]; then
        echo "about 0.8 GB to download, 2 GB on disk"
    else
        echo "about 3.6 GB to download, 7 GB on disk, most of it for torch"
    fi
}

following() { # an installer: its own progress on a terminal, elsewhere a line for what takes time
    : >"$log"
    if [ -t 1 ] && [ "$1" = "$uv" ]; then
        "$@"
    elif [ -t 1 ]; then
        "$@" 2>"$log"
    else
        "$@" 2>&1 | tee "$log" | sed -n -E -e 's/^ *((Downloading|Building|Installed) [^:]*)$/  \1/p' \
            -e 's/^Installing collected.*/  Installing/p'
    fi
}

pip_settings_for_uv() { # NAME=VALUE: uv does not read pip's own, where a mirror may be named
    "$python" -m pip config list 2>/dev/null | "$python" -c '
import ast, sys

names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "no-index": "UV_OFFLINE"}
names |= {"find-links": "UV_FIND_LINKS", "constraint": "UV_CONSTRAINT", "cert": "SSL_CERT_FILE"}
for line in sorted(sys.stdin, key=lambda line: line.startswith(":env:")):  # these win
    key, _, value = line.strip().partition("=")
    if name := names.get(key.rpartition(".")[2]):
        values = ast.literal_eval(value).split()
        print(name, ("," if name == "UV_FIND_LINKS" else " ").join(values), sep="=")'
}

get_uv() { # succeeds where the environment has uv then
    local setting cache
    [ -x "$uv" ] || quietly "${pip[@]}" uv || return 1
    while read -r setting; do
        [ -n "$(printenv "${setting%%=*}")" ] || export "${setting?}"
    done < <(pip_settings_for_uv)
    # All indexes are equal, as for pip; the environment has its Python.
    export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match} UV_PYTHON_DOWNLOADS=never
    cache=$("$uv" cache dir 2>"$log") && mkdir -p "$cache" || return 1
    if [ "$(df -P "$cache" | awk 'END { print $1 }')" != "$(df -P . | awk 'END { print $1 }')" ]; then
        export UV_LINK_MODE=${UV_LINK_MODE:-copy} # of itself it would warn that it cannot link
    fi
}

resolve_with_uv() { # the lock's pins are what uv tries first; what it settles for is in $pins
    local extra options=()
    for extra in $(extras); do options+=(--extra "$extra"); done
    quietly "$uv" pip compile --python "$python" --no-header --no-annotate \
        "${options[@]}" --output-file "$pins" pyproject.toml
}

reachable() {
    "$1" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' \
        "$TORCH_CPU_INDEX/torch/" 2>/dev/null
}

install_cpu_torch() { # first and alone, so that what comes after finds it there
    local wanted
    wanted=$(sed -n -E 's/^(torch(vision)?==[^ ]+).*/\1/p' "$pins")
    # shellcheck disable=SC2086  # one word per package
    UV_DEFAULT_INDEX=$TORCH_CPU_INDEX PIP_INDEX_URL=$TORCH_CPU_INDEX \
        quietly "$@" --no-deps ${wanted:-torch torchvision} || return 1
    grep -v -E '^torch(vision)?==' "$pins" >"$pins.rest" || true
    { cat "$pins.rest" && versions torch torchvision; } >"$pins"
}

drop_pins() { # what pip says that it cannot have; all of them where it does not say it
    local pin named round=$1
    named=$(sed -n -E 's/.*\(constraint\) ([^ ]+==[^ ]+).*/\1/p' "$log")
    [ -n "$named" ] && [ "$round" -lt 10 ] || : >"$pins"
    for pin in $named; do
        awk -v pin="$pin" '$1 != pin' "$pins" >"$pins.rest"
        mv "$pins.rest" "$pins"
    done
}

install_packages() {
    local reason round=0 target=. install=("${pip[@]}")
    [ -z "$(extras)" ] || target=".[$(extras | paste -sd , -)]"
    if $here; then
        echo "$before" >"$pins"
    elif $newest; then
        : >"$pins"
    else
        cp requirements.lock "$pins"
    fi
    if ! $here && [ -n "$(versions ultralytics)" ]; then # of an earlier setup.sh; shares files with:
        quietly "$python" -m pip uninstall --yes ultralytics ultralytics-opencv-headless \
            opencv-python opencv-python-headless
    fi
    if ! $here && get_uv && resolve_with_uv; then
        install=("$uv" pip install --python "$python")
    elif $newest; then
        install+=(--upgrade --upgrade-strategy eager)
    fi
    if $cpu && ! install_cpu_torch "${install[@]}"; then
        cpu=false
        say "PyTorch's own package index lacks $(grep -E '^torch==' "$pins" || echo torch);" \
            "taking torch with GPU support ($(size))"
    fi
    until following "${install[@]}" --constraint "$pins" --editable "$target"; do
        if $here || [ "${install[0]}" = "$uv" ] || [ ! -s "$pins" ]; then
            cat "$log" >&2
            reason=$(grep -E '^ *(ERROR|cause):' "$log" | head -1) # as pip or uv says it
            die "packages could not be installed${reason:+: $reason}"
        fi
        round=$((round + 1))
        drop_pins "$round"
    done
}

fingerprint() { # of everything that decides what is installed
    { cat requirements.txt requirements.lock pyproject.toml setup.sh && pwd && "$python" --version; } |
        cksum | tr -d ' \n'
    echo " dev=$dev cpu=$cpu newest=$newest"
}

# -- the run ----------------------------------------------------------------------------------

install_tools
if $here; then
    python=${PYTHON:-python3} vemoclap=vemoclap
    new_enough "$python" || die "this is $("$python" --version); vemoclap needs 3.11 or newer"
    stamp=$("$python" -c 'import sys; print(sys.prefix)')/vemoclap-setup
    before=$(versions $KEPT) odds=$(at_odds)
else
    python=$venv/bin/python vemoclap=$venv/bin/vemoclap
    stamp=$venv/vemoclap-setup # in the environment itself, so that it goes when that goes
fi
if $cpu && ! was cpu && ! reachable "$(if $here; then echo "$python"; else find_python; fi)"; then
    cpu=false
    say "PyTorch's own package index cannot be reached; taking torch with GPU support"
fi
$here || make_environment
pip=("$python" -m pip install --disable-pip-version-check)

# What was asked for once stays: the tests' packages, and torch without GPU support.
if was dev; then dev=true; fi
if was cpu; then cpu=true; fi
if ! $newest && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
    say "nothing to do"
else
    say "installing packages; the first time that is $(size)"
    rm -f "$stamp"
    install_packages
    fingerprint >"$stamp"
    if ! $here && ! $newest; then
        instead=$(replaced)
        [ -z "$instead" ] || say "not to be had as in requirements.lock: ${instead%; }"
    fi
    $here || say "done in $SECONDS s; $venv holds $(du -sh "$venv" | cut -f1)"
fi
if $here; then
    lost=$(grep -Fxv -f <(versions $KEPT) <<<"$before" || true)
    [ -z "$lost" ] || die "these changed:" $lost "->" $(versions $KEPT)"; restart the runtime"
    say "left as they were:" ${before:-nothing of $KEPT was here}
    odds=$(grep -Fxv -f <(echo "$odds") <(at_odds) || true)
    [ -z "$odds" ] || say "other packages here may not like what came:" $odds
fi
say "ready: $vemoclap analyze VIDEO"
