"""setup.sh, run for real on a small project, beside a folder of small wheels and no network."""

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[1] / "setup.sh"
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "vemoclap"
version = "0.1"
dependencies = ["alpha", "torch>=1", "torchvision"]

[project.optional-dependencies]
dev = ["delta"]
page = ["beta"]
"""
METADATA = """Metadata-Version: 2.1
Name: vemoclap
Version: 0.1
Requires-Dist: alpha
Requires-Dist: torch>=1
Requires-Dist: torchvision
Provides-Extra: dev
Requires-Dist: delta; extra == "dev"
Provides-Extra: page
Requires-Dist: beta; extra == "page"
"""
BACKEND = f"""
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + "/vemoclap-0.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vemoclap-0.1.dist-info/METADATA", {METADATA!r})
        wheel.writestr("vemoclap-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("vemoclap-0.1.dist-info/RECORD", "")
    return "vemoclap-0.1-py3-none-any.whl"

build_editable = build_wheel
"""
LOCK = """# as uv writes it
alpha==1.0
    # via vemoclap (pyproject.toml)
beta==1.0 ; python_full_version >= '3.11'
    # via vemoclap (pyproject.toml)
delta==1.0
gamma==1.0
    # via beta
torch==2.0
torchvision==2.0
"""
FAULTS = re.compile(r"error|warning|traceback|conflict|fail|could not|deprecat", re.IGNORECASE)


def make_wheel(folder: Path, name: str, version: str, *requires: str, script: str = "") -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        if script:
            wheel.writestr(f"{name}-{version}.data/scripts/{name}", script)


def installed(python: Path) -> dict[str, str]:
    code = "from importlib.metadata import distributions as all\n"
    code += "print(*(f'{one.name}=={one.version}' for one in all()))"
    found = subprocess.check_output([python, "-c", code], text=True).split()
    return dict(one.split("==") for one in found if not one.startswith(("pip=", "setuptools=")))


class Newcomer:
    """A clone of the small project, and somebody who runs setup.sh in it."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self.clone, self.wheels = folder / "clone", folder / "wheels"
        self.environment = environment
        self.clone.mkdir()
        shutil.copy(SETUP, self.clone)
        (self.clone / "pyproject.toml").write_text(PROJECT)
        (self.clone / "backend.py").write_text(BACKEND)
        (self.clone / "requirements.txt").write_text("alpha\ntorch>=1\ntorchvision\n")
        self.lock(LOCK)
        for name in ("alpha", "gamma", "delta", "torchvision"):
            for version in ("1.0", "2.0"):
                make_wheel(self.wheels, name, version)
        make_wheel(self.wheels, "beta", "1.0", "gamma")
        make_wheel(self.wheels, "beta", "2.0", "gamma")
        make_wheel(self.wheels, "libraries_for_gpus", "1.0")
        for version in ("1.0", "2.0", "3.0"):
            make_wheel(self.wheels, "torch", version, "libraries_for_gpus")
        tools = folder / "tools"
        tools.mkdir()
        for tool in ("ffmpeg", "ffprobe", "espeak-ng", "chromium"):
            (tools / tool).write_text("#!/bin/sh\n")
            (tools / tool).chmod(0o755)
        self.env = {
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_CACHE_DIR": "1",
            "UV_CACHE_DIR": str(folder / "cache"),
            "FORCE_COLOR": "1",  # as in Jupyter
            "TORCH_CPU_INDEX": "http://127.0.0.1:9/cpu",  # nobody listens there
        }

    def lock(self, text: str) -> None:
        (self.clone / "requirements.lock").write_text(text)

    def run(self, *options: str, succeeds: bool = True) -> str:
        """Run setup.sh and return what it said; of a success nothing may look like a fault."""
        command = ["bash", "setup.sh", *options]
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=self.env,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert (done.returncode == 0) == succeeds, done.stdout
        assert "\x1b" not in done.stdout
        if succeeds:
            assert not FAULTS.search(done.stdout), done.stdout
        return done.stdout

    def has(self) -> dict[str, str]:
        return installed(self.clone / ".venv/bin/python")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with pip alone, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def by_pip(tmp_path: Path, environment: Path) -> Newcomer:
    newcomer = Newcomer(tmp_path, environment)
    shutil.copytree(environment, newcomer.clone / ".venv", symlinks=True)
    return newcomer


@pytest.fixture
def by_uv(by_pip: Newcomer) -> Newcomer:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if uv is None:
        pytest.skip("needs uv, which setup.sh installs where it can be had")
    make_wheel(by_pip.wheels, "uv", "1.0", script=f'#!/bin/sh\nexec {uv} "$@"\n')
    return by_pip


@pytest.fixture(params=["by_uv", "by_pip"])
def newcomer(request: pytest.FixtureRequest) -> Newcomer:
    return request.getfixturevalue(request.param)


def test_it_installs_what_the_lock_pins_and_then_has_nothing_to_do(newcomer: Newcomer):
    assert "done in" in newcomer.run()
    has = newcomer.has()
    assert ("uv" in has) == (newcomer.wheels / "uv-1.0-py3-none-any.whl").exists()
    assert has["alpha"] == has["beta"] == has["gamma"] == "1.0"
    assert has["torch"] == "2.0"
    assert "delta" not in has
    assert "nothing to do" in newcomer.run()

    assert "nothing to do" not in newcomer.run("--dev")
    assert newcomer.has()["delta"] == "1.0"
    assert "nothing to do" in newcomer.run()  # what the tests need will do for the program

    newcomer.lock(LOCK.replace("alpha==1.0", "alpha==2.0"))
    assert "nothing to do" not in newcomer.run()
    assert newcomer.has()["alpha"] == "2.0"
    assert newcomer.has()["delta"] == "1.0"


def test_a_pin_that_cannot_be_had_is_named_and_its_range_holds(newcomer: Newcomer):
    newcomer.lock(LOCK.replace("alpha==1.0", "alpha==9.9").replace("gamma==1.0", "gamma==9.9"))
    said = newcomer.run()
    (line,) = [line for line in said.splitlines() if "9.9" in line]
    assert "alpha==9.9 (2.0 instead); gamma==9.9 (2.0 instead)" in line
    has = newcomer.has()
    assert (has["alpha"], has["gamma"]) == ("2.0", "2.0")
    assert (has["beta"], has["torch"]) == ("1.0", "2.0")  # all other pins hold
    assert "nothing to do" in newcomer.run()


def test_newest_ignores_the_lock_and_without_it_the_lock_is_back(newcomer: Newcomer):
    newcomer.run("--newest")
    assert newcomer.has()["alpha"] == newcomer.has()["gamma"] == "2.0"
    assert newcomer.has()["torch"] == "3.0"
    make_wheel(newcomer.wheels, "alpha", "2.1")
    newcomer.run("--newest")  # looks again, though nothing of ours changed
    assert newcomer.has()["alpha"] == "2.1"
    newcomer.run()
    assert newcomer.has()["alpha"] == newcomer.has()["gamma"] == "1.0"


def test_here_never_uses_the_lock_and_leaves_torch(by_uv: Newcomer):
    theirs = by_uv.clone.parent / "theirs"
    shutil.move(by_uv.clone / ".venv", theirs)
    pip = [theirs / "bin/python", "-m", "pip", "install", "-q", "torch==1.0"]
    subprocess.run(pip, env=by_uv.env, check=True)
    by_uv.env["PYTHON"] = str(theirs / "bin/python")
    said = by_uv.run("--here")
    has = installed(theirs / "bin/python")
    assert (has["torch"], has["alpha"]) == ("1.0", "2.0")
    assert "beta" not in has  # no page: the notebook is there
    assert "uv" not in has
    assert "left as they were: torch==1.0" in said
    assert not (by_uv.clone / ".venv").exists()
    assert "nothing to do" in by_uv.run("--here")


def test_here_says_what_no_longer_fits_others(by_pip: Newcomer):
    by_pip.env["PYTHON"] = str(by_pip.clone / ".venv/bin/python")
    make_wheel(by_pip.wheels, "theirs", "1.0", "alpha<2")
    by_pip.lock("theirs==1.0\n")
    pip = [by_pip.env["PYTHON"], "-m", "pip", "install", "-q", "--no-deps", "theirs", "alpha==0"]
    make_wheel(by_pip.wheels, "alpha", "0")
    subprocess.run(pip, env=by_pip.env, check=True)
    (by_pip.clone / "backend.py").write_text(BACKEND.replace("Dist: alpha", "Dist: alpha>=2"))
    assert "theirs 1.0 has requirement alpha<2" in by_pip.run("--here")


def test_without_an_environment_one_is_made_and_without_python_it_says_so(by_pip: Newcomer):
    shutil.rmtree(by_pip.clone / ".venv")
    assert "making .venv with Python 3." in by_pip.run()
    assert by_pip.has()["alpha"] == "1.0"
    shutil.rmtree(by_pip.clone / ".venv")
    by_pip.env["PATH"] = str(by_pip.clone.parent / "tools")
    for tool in ("bash", "mktemp", "rm", "dirname", "cat"):
        (by_pip.clone.parent / "tools" / tool).symlink_to(shutil.which(tool))
    by_pip.env["PYTHON"] = "python2"
    assert "needs Python 3.11 or newer" in by_pip.run(succeeds=False)


def test_what_cannot_be_installed_at_all_is_a_failure_with_its_reason(newcomer: Newcomer):
    (newcomer.wheels / "torchvision-1.0-py3-none-any.whl").unlink()
    (newcomer.wheels / "torchvision-2.0-py3-none-any.whl").unlink()
    said = newcomer.run(succeeds=False)
    assert "packages could not be installed: " in said.splitlines()[-1]
    assert "torchvision" in said.splitlines()[-1]
    make_wheel(newcomer.wheels, "torchvision", "2.0")
    assert "nothing to do" not in newcomer.run()


def test_unknown_options_are_named(by_pip: Newcomer):
    assert "unknown option --latest" in by_pip.run("--latest", succeeds=False)


# -- torch for machines without a GPU ---------------------------------------------------------


@pytest.fixture
def index(newcomer: Newcomer) -> Iterator[Newcomer]:
    """Serve the wheels as an index, and beside it one with torch for CPUs alone."""
    parts = {"simple": newcomer.wheels, "cpu": newcomer.clone.parent / "cpu"}
    make_wheel(parts["cpu"], "torch", "2.0+cpu")
    make_wheel(parts["cpu"], "torch", "3.0+cpu")
    make_wheel(parts["cpu"], "torchvision", "2.0+cpu")

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            part, name, *file = self.path.strip("/").split("/")
            if file:
                body = (parts[part] / file[0].replace("%2B", "+")).read_bytes()
            else:
                name = name.replace("-", "_")
                files = [one.name for one in parts[part].glob(f"{name}-*.whl")]
                body = "".join(
                    f'<a href="/{part}/{name}/{one.replace("+", "%2B")}">{one}</a>' for one in files
                ).encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/zip" if file else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *about: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        for setting in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
            del newcomer.env[setting]
        newcomer.env |= {"PIP_INDEX_URL": f"{place}/simple", "TORCH_CPU_INDEX": f"{place}/cpu"}
        yield newcomer
        server.shutdown()


def test_cpu_takes_torch_without_its_libraries_for_gpus(index: Newcomer):
    index.run("--cpu")
    has = index.has()
    assert (has["torch"], has["torchvision"], has["alpha"]) == ("2.0+cpu", "2.0+cpu", "1.0")
    assert "libraries_for_gpus" not in has
    assert "nothing to do" in index.run("--cpu")
    assert "nothing to do" in index.run()  # it stays without
    index.lock(LOCK.replace("torch==2.0", "torch==3.0"))
    index.run()
    assert index.has()["torch"] == "3.0+cpu"
    assert "libraries_for_gpus" not in index.has()


@pytest.mark.parametrize("newcomer", ["by_pip"], indirect=True)
def test_cpu_after_torch_for_gpus_makes_the_environment_anew(index: Newcomer):
    index.run()
    assert "libraries_for_gpus" in index.has()
    assert "making .venv" in index.run("--cpu")
    assert "libraries_for_gpus" not in index.has()


@pytest.mark.parametrize("newcomer", ["by_pip"], indirect=True)
def test_cpu_where_the_index_lacks_the_pin(index: Newcomer):
    index.lock(LOCK.replace("torch==2.0", "torch==1.0"))
    assert "PyTorch's own package index lacks torch==1.0" in index.run("--cpu")
    assert (index.has()["torch"], index.has()["libraries_for_gpus"]) == ("1.0", "1.0")


def test_cpu_where_the_index_cannot_be_reached_says_one_sentence(newcomer: Newcomer):
    said = newcomer.run("--cpu")
    (line,) = [line for line in said.splitlines() if "PyTorch" in line]
    assert "cannot be reached; taking torch with GPU support" in line
    assert newcomer.has()["torch"] == "2.0"
    assert "nothing to do" in newcomer.run("--cpu")
