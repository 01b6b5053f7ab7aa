"""The home of miniatures: complete, like a download's, and never a way to run a file's code."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.hub.home import BUILDERS, REVISION, build
from tests.miniatures import TRAPS
from vemoclap.cli import main
from vemoclap.engines import roles
from vemoclap.engines.registry import ENGINES
from vemoclap.engines.roles import FAST, PAPER
from vemoclap.errors import WeightsError
from vemoclap.weights import cache, lockfile
from vemoclap.weights.catalog import ARTEFACTS, MER, stored
from vemoclap.weights.verify import Verdict, verify

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "launch.mp4"
ROLE_OF = {engine: role for role, engines in ENGINES.items() for engine in engines}


def files_of(home: Path) -> dict[str, Path]:
    found = (path for path in (home / "weights").rglob("*") if path.is_file())
    return {str(path.relative_to(home)): path for path in found if path.suffix != ".busy"}


# -- complete, and like a download's ----------------------------------------------------------


def test_every_artefact_of_the_table_has_a_builder_and_every_preset_is_complete(own_home: Path):
    assert set(BUILDERS) == set(ARTEFACTS)
    assert not [name for name in ARTEFACTS if cache.missing(name)]
    assert roles.missing(PAPER) == roles.missing(FAST) == ()


@pytest.mark.parametrize("name", ARTEFACTS)
def test_nothing_lies_there_that_a_download_would_not_leave(name: str, hub_home: Path):
    row = ARTEFACTS[name]
    there = {path.name for path in (hub_home / "weights" / name).iterdir()}
    if row.converted:
        assert there == {row.converted}
        return
    assert len(there) == len(row.files)
    for names in row.files:
        assert len(there & {stored(file) for file in names}) == 1


def test_the_lock_knows_every_file_and_only_whispers_published_hash_differs(own_home: Path):
    findings = verify(ARTEFACTS, lambda _: lambda *_: None)
    assert len(findings) == len(files_of(own_home)) - 1  # all but the lock file
    wrong = [finding.file for finding in findings if finding.verdict is not Verdict.GOOD]
    assert wrong == ["large-v3.pt"]  # the table has the hash of the real one
    assert {entry.revision for entry in lockfile.read(cache.lock_path()).values()} == {REVISION}


def test_reports_say_that_the_models_are_miniatures(own_home: Path):
    uses = {use.role: use.weights for use in roles.describe(PAPER)}
    assert uses["image"] == ("openai/clip-vit-base-patch32 at miniature",)


def test_two_builds_hold_the_same(hub_home: Path, tmp_path: Path):
    build(tmp_path / "again")
    one, other = files_of(hub_home), files_of(tmp_path / "again")
    assert one.keys() == other.keys()
    for name, path in one.items():
        assert content(path) == content(other[name]), name


def content(path: Path) -> object:
    """Return what a file holds, but for what has no order: metadata of safetensors, and so hashes.

    Lists it for files that are equal or not as a whole.
    """
    if path.suffix == ".safetensors":
        return {key: tensor.numpy().tobytes() for key, tensor in load_file(path).items()}
    if path.name == "lock.json":
        return {name: dict(entry.files).keys() for name, entry in lockfile.read(path).items()}
    return path.read_bytes()


def test_the_command_explains_itself_and_spares_what_is_there(tmp_path: Path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.hub", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert "usage: python -m tests.hub DIR" in run().stderr
    (tmp_path / "mine.txt").write_text("mine")
    done = run(str(tmp_path))
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# -- planted pickles --------------------------------------------------------------------------


def places() -> list[tuple[str, str]]:
    """Return artefact and file of all weights that an engine reads, under all their names."""
    found = []
    for name, row in ARTEFACTS.items():
        files = [row.converted] if row.converted else [file for some in row.files for file in some]
        binary = (".pt", ".bin", ".safetensors")
        found += [(name, stored(file)) for file in files if file.endswith(binary)]
    return found


def test_the_places_are_those_that_hold_weights():
    assert {name for name, _ in places()} == set(ARTEFACTS) - {"gpt2", "audioset-ontology"}


def load(name: str) -> None:
    """Load what reads an artefact."""
    engine = ARTEFACTS[name].engine
    if engine == MER:
        import_module(f"vemoclap.mer.backbones.{name.replace('-', '_')}").load("cpu")
    else:
        roles.load(ROLE_OF[engine], engine, "cpu")


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize(("name", "file"), places())
def test_an_engine_refuses_a_planted_pickle_and_runs_none_of_it(
    name: str, file: str, trap: str, own_home: Path, tmp_path: Path
):
    folder, marker = own_home / "weights" / name, tmp_path / "trapped"
    for names in ARTEFACTS[name].files:
        if file in names:
            for other in names:
                (folder / other).unlink(missing_ok=True)  # that it might read instead
    (folder / file).unlink(missing_ok=True)
    TRAPS[trap](folder / file, marker)
    with pytest.raises(WeightsError):
        load(name)
    assert not marker.exists()


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", [row.name for row in ARTEFACTS.values() if row.converter])
def test_no_published_pickle_is_run_when_it_is_converted(name: str, trap: str, tmp_path: Path):
    row, marker = ARTEFACTS[name], tmp_path / "trapped"
    assert row.converter
    module, function = row.converter.split(":")
    source, target = tmp_path / stored(row.files[0][0]), tmp_path / "converted.safetensors"
    TRAPS[trap](source, marker)
    with pytest.raises(WeightsError):
        getattr(import_module(module), function)(source, target)
    assert not marker.exists()
    assert not target.exists()


def test_the_command_line_refuses_a_planted_pickle_in_a_sentence(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    marker, planted = tmp_path / "trapped", own_home / "weights" / "whisper-large-v3/large-v3.pt"
    planted.unlink()
    TRAPS["model"](planted, marker)
    code = main.main(
        ["analyze", str(SAMPLE), "--preset", "paper", "--n", "1", "--out", str(tmp_path / "out")]
    )
    assert code == 2
    told = capsys.readouterr().err
    assert str(planted) in told
    assert len(told.splitlines()) == 1
    assert not marker.exists()
    assert not (tmp_path / "out").exists()
