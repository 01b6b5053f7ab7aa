"""A reader knows from a file's name what lives there: the rooms, and who may import whom."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "vemoclap"

# Low to high. A room imports from rows above its own, and from its own room; rooms of one row do
# not know each other. Rooms with a file of their own at the top stand here like the packages.
ORDER = (
    ("errors",),
    ("records", "version"),
    ("files",),
    ("weights", "media"),
    ("engines",),
    ("readings",),
    ("classifier",),
    ("analyser", "training"),
    ("timeline",),
    ("mer", "report"),
    ("batch",),
    ("app",),
    ("cli",),
)
RANK = {room: rank for rank, row in enumerate(ORDER) for room in row}
FACE = ("__init__", "__main__")  # of the package: it hands names on, and knows every room

# What belongs to one room only, by the first name of what is imported.
HOME_OF = {
    library: set(rooms.split())
    for rooms, libraries in {
        "media": "ffmpeg yt_dlp",
        "app media engines": "subprocess",  # of the app only what installs it
        "engines": "faster_whisper kaldi_native_fbank paddleocr py3langid rapidocr silero_vad "
        "symspellpy ultralytics vaderSentiment whisper",
        "engines mer": "facenet_pytorch transformers",  # the utterance model has backbones
        "batch": "ray",
        "app": "google ipywidgets IPython tornado voila",
        "cli": "argparse",
        "files": "filelock",
        "weights": "huggingface_hub",
    }.items()
    for library in libraries.split()
}
NO_WIDGETS = {"app.session", "app.jobs", "app.private_folder", "app.environment"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
INSIDE = {name: path for name, path in MODULES.items() if name not in FACE}


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Return the modules of this package that a file imports, and the first names of others."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            (inside if first == "vemoclap" else outside).add(rest if first == "vemoclap" else first)
    return {_module(name) for name in inside}, outside


def _module(name: str) -> str:
    """Return the module that holds ``name``, which may be a module or something in one."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or "__init__"


def room(module: str) -> str:
    return module.partition(".")[0]


def test_the_package_has_twelve_rooms_and_seven_modules():
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert files == {*FACE, "version", "errors", "records", "files", "analyser"}
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms | files == {*RANK, *FACE}
    assert len(rooms) == 12


@pytest.mark.parametrize("module", INSIDE)
def test_imports_go_down_only(module: str):
    inside, outside = imports(INSIDE[module])
    own = room(module)
    up = {name for name in inside if room(name) != own and RANK.get(room(name), 99) >= RANK[own]}
    assert not up, f"{own} stands below"
    wrong = {name for name in outside if own not in HOME_OF.get(name, {own})}
    assert not wrong, f"not a matter of {own}"
    assert not (module in NO_WIDGETS and outside & {"ipywidgets", "IPython", "voila", "google"})


def test_there_are_no_circles():
    graph = {name: imports(path)[0] - {name} for name, path in INSIDE.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_a_circle_and_an_upward_import_are_seen():
    assert "engines.roles" in imports(INSIDE["analyser"])[0]
    assert RANK["engines"] < RANK["analyser"]
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


@pytest.mark.parametrize("module", sorted(set(INSIDE) - {"cli.console", "engines.quiet"}))
def test_all_that_is_said_goes_through_the_console(module: str):
    nodes = list(ast.walk(ast.parse(INSIDE[module].read_text("utf-8"))))
    said = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    said |= {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    said |= {node.name for node in nodes if isinstance(node, ast.alias)}
    assert not said & {"print", "sys.stdout", "sys.stderr", "Console"}


def test_step_1_of_the_notebook_needs_python_alone():
    inside, outside = imports(INSIDE["app.bootstrap"])
    assert outside <= sys.stdlib_module_names
    assert inside - {"app", "__init__"} <= {"app.environment"}
    assert imports(INSIDE["app.environment"])[1] <= sys.stdlib_module_names


def test_one_file_knows_ray():
    knowing = {name for name, path in INSIDE.items() if "ray" in imports(path)[1]}
    assert knowing == {"batch.ray_backend"}


def test_each_model_library_has_one_file():
    homes: dict[str, set[str]] = {}
    for name, path in INSIDE.items():
        for library in imports(path)[1]:
            homes.setdefault(library, set()).add(name)
    for library in ("silero_vad", "ultralytics", "whisper", "faster_whisper"):
        assert len(homes[library]) == 1, homes[library]


@pytest.mark.parametrize("heavy", ["torch", "numpy", "cv2", "rich", "jinja2", "PIL", "yt_dlp"])
def test_importing_vemoclap_imports_nothing_heavy(heavy: str):
    code = f"import sys, vemoclap, vemoclap.cli.main; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
