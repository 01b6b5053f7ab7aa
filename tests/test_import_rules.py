"""A reader knows from a file's name what lives there: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "vemoclap"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
CORE = {
    "records",
    "errors",
    "weights",
    "checkpoint",
    "memory",
    "arithmetic",
}  # all that an engine may know
SHARED = {
    f"engines.{n}" for n in ("batching", "gating", "linear", "pretrained", "reading_order", "quiet")
}  # and what several share


def imported(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, "" for the package itself."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            if node.module == "vemoclap" or node.module.startswith("vemoclap."):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            else:
                names.add(node.module)
    inside = {name.removeprefix("vemoclap.") for name in names if name.startswith("vemoclap.")}
    return {_module(name) for name in inside}


def _module(name: str) -> str:
    """Return the module that holds ``name``, which may be a module or something in one."""
    while name and not (
        PACKAGE.joinpath(*name.split(".")).with_suffix(".py").exists()
        or PACKAGE.joinpath(*name.split("."), "__init__.py").exists()
    ):
        name = name.rpartition(".")[0]
    return name


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")


def foreign(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def calls(path: Path, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def touches_streams(path: Path) -> bool:
    """Return whether a file names ``sys.stdout``, ``sys.stderr`` or rich's ``Console``."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    named = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    named |= {node.name for node in nodes if isinstance(node, ast.alias)}
    return bool(named & {"sys.stdout", "sys.stderr", "Console"})


@pytest.mark.parametrize("path", [m for m in MODULES if m.parent.name == "engines"], ids=room)
def test_engines_know_only_records_errors_and_weights(path: Path):
    assert imported(path) <= CORE | SHARED


@pytest.mark.parametrize("name", ["features", "classifier"])
def test_features_and_classifier_know_no_engine(name: str):
    path = PACKAGE / f"{name}.py"
    if path.exists():
        assert not {i for i in imported(path) if i.startswith("engines")}


@pytest.mark.parametrize("path", [m for m in MODULES if m.name != "__main__.py"], ids=room)
def test_nothing_imports_the_front_ends(path: Path):
    commands = {module.stem for module in PACKAGE.glob("cli_*.py")}
    commands -= {"cli_video", "cli_training"}  # what several of them share
    allowed = {"cli.py": commands, "cli_app.py": {"app"}}.get(path.name, set())
    if path.parent.name == "app":
        allowed = {"app"}
    found = {name.partition(".")[0] for name in imported(path)}
    assert not (found & {"cli", "app", *commands}) - allowed


def test_only_commands_share_what_commands_share():
    shared = {"cli_video", "cli_training", "console"}
    users = {room(path) for path in MODULES if imported(path) & shared}
    assert {name.partition("_")[0] for name in users} == {"cli"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "timeline").glob("*.py")), ids=room)
def test_a_timeline_opens_no_file_and_draws_no_report(path: Path):
    found = imported(path)
    assert not {i for i in found if i.startswith(("timeline.report", "report", "engines", "mer"))}
    opens = {"ffmpeg", "probe", "sound_track", "subtitle_track"}
    assert not found & opens, "files are opened by media and reel"


@pytest.mark.parametrize("path", [m for m in MODULES if m.parent.name != "batch"], ids=room)
def test_only_the_command_knows_batches(path: Path):
    if path.name != "cli_batch.py":
        assert not {name for name in imported(path) if name.partition(".")[0] == "batch"}
    assert "ray" not in foreign(path)


@pytest.mark.parametrize("path", sorted((PACKAGE / "batch").glob("*.py")), ids=room)
def test_a_batch_asks_no_engine_itself_and_one_file_knows_ray(path: Path):
    assert not {name for name in imported(path) if name.startswith("engines")} - {"engines.quiet"}
    assert path.name == "cluster.py" or "ray" not in foreign(path)


@pytest.mark.parametrize("path", [m for m in MODULES if m.parent.name != "app"], ids=room)
def test_widgets_and_servers_belong_to_the_app(path: Path):
    assert not foreign(path) & {"ipywidgets", "IPython", "voila", "tornado", "google"}


@pytest.mark.parametrize(
    "name", ["app.session", "app.spans", "app.work", "app.folder", "app.place"]
)
def test_what_a_session_does_knows_no_widget(name: str):
    path = PACKAGE.joinpath(*name.split(".")).with_suffix(".py")
    assert not foreign(path) & {"ipywidgets", "IPython", "voila", "google"}


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_each_thing_has_one_room(path: Path):
    names = foreign(path)
    if path.name != "console.py":
        assert not calls(path, "print"), "what the command line says goes through its console"
    if room(path) not in ("console", "engines.quiet"):
        assert not touches_streams(path), "all that is said goes through console and quiet"
    if path.parent.name != "engines" and room(path) not in ("media", "ffmpeg"):
        assert "subprocess" not in names, "subprocesses belong to the media room"
    if path.parent.name != "engines":
        models = {"facenet_pytorch", "silero_vad", "rapidocr", "py3langid", "symspellpy"}
        models |= {"vaderSentiment", "transformers", "ultralytics", "whisper", "faster_whisper"}
        assert not names & models, "third-party models belong to engines"
    if room(path) != "youtube":
        assert "yt_dlp" not in names, "yt-dlp belongs to the YouTube source"


@pytest.mark.parametrize("path", sorted((PACKAGE / "mer").glob("*.py")), ids=room)
def test_the_end_to_end_model_knows_no_part_of_the_analysis_but_its_inputs(path: Path):
    found = imported(path)
    assert not found & {"analyser", "classifier", "features", "emotion", "evidence", "baseline"}
    if path.name not in ("cache.py", "inputs.py", "judge.py"):
        assert not {name for name in found if name.startswith("timeline")}
    if path.name != "cache.py":  # the only one that opens files of the user's
        assert not found & {"media", "reel", "picture", "speech", "residents"}


@pytest.mark.parametrize(
    "path", [m for m in MODULES if m.parent == PACKAGE / "timeline" / "report"], ids=room
)
def test_a_timelines_report_knows_its_records_and_what_reports_share(path: Path):
    known = ("records", "draw", "report", "timeline.records", "timeline.report")
    found = imported(path) - {""}
    assert not {i for i in found if not i.startswith(known)}


def test_the_rules_see_imports_at_all():
    assert "records" in imported(PACKAGE / "roles.py")
    assert "roles" in imported(PACKAGE / "analyser.py")


@pytest.mark.parametrize("heavy", ["torch", "numpy", "cv2", "rich", "jinja2", "PIL", "yt_dlp"])
def test_importing_vemoclap_imports_nothing_heavy(heavy: str):
    code = f"import sys, vemoclap, vemoclap.cli; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
