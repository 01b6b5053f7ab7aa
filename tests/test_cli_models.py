"""The command ``vemoclap models``: what it lists, brings here and finds wrong."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers import Fault, Publisher, publishing
from vemoclap.cli import main
from vemoclap.engines import roles
from vemoclap.weights import cache, catalog
from vemoclap.weights.catalog import ARTEFACTS, MER

SMALL = ("gpt2", "audioset-ontology", "clip", "cross-attention")  # miniatures soon made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch):
    """Serve what ``published`` puts there, under the addresses of the table."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with publishing() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        for name, row in ARTEFACTS.items():
            place = row.place if row.on_hugging_face else f"{server.url}/files/{name}"
            # The hash of the table is that of the real file, not of its miniature.
            monkeypatch.setitem(ARTEFACTS, name, replace(row, place=place, size_mb=1, hashes={}))
        yield server


@pytest.fixture
def published(publisher: Publisher, hub):
    """Return a function that publishes miniatures by the names of their artefacts."""

    def publish(*names: str) -> None:
        for name in names:
            row, made = ARTEFACTS[name], hub / name
            files = {
                file: (made / catalog.stored(file)).read_bytes()
                for alternatives in row.files
                for file in alternatives
                if (made / catalog.stored(file)).is_file()
            }
            if row.on_hugging_face:
                publisher.publish(row.place, files)
            else:
                for file, content in files.items():
                    publisher.files[f"{name}/{row.revision}/{file}"] = content

    return publish


def run(*arguments: str) -> int:
    return main.main(["models", *arguments])


def fill(hub, name: str) -> Path:
    """Put the miniature of an artefact into the home, as somebody might by hand."""
    shutil.copytree(hub / name, cache.place(name))
    return cache.place(name)


# -- list -------------------------------------------------------------------------------------


def test_the_list_shows_every_role_of_every_preset_in_80_columns(capsys):
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last one names the folder
    for preset in roles.PRESETS.values():
        start = lines.index(preset.name)
        rows = dict(line.split()[:2] for line in lines[start + 2 : start + 2 + len(roles.ROLES)])
        assert rows == {r: roles.engine_of(preset, r) or "-" for r in roles.ROLES}


def test_the_list_says_licence_size_and_what_is_still_to_come(capsys, hub):
    run("list")
    before = capsys.readouterr().out
    assert "translate   nllb             CC-BY-NC-4.0 *     2.5 GB  no\n" in before
    assert "* Its licence forbids commercial use." in before
    assert "12.1 GB still to download: vemoclap models download paper" in before
    assert "with the program" in before
    assert "left out" in before
    assert "All of it is here." in before  # of the embedded preset
    fill(hub, "clip")
    fill(hub, "gpt2")
    run("list")
    after = capsys.readouterr().out
    assert "image       clip             MIT                605 MB  yes\n" in after
    assert "caption     clipcap          MIT                638 MB  in part\n" in after
    assert "11.5 GB still to download: vemoclap models download paper" in after


def test_the_list_as_json(capsys, hub, home):
    fill(hub, "clip")
    assert run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["home"] == str(home)
    assert [preset["preset"] for preset in found["presets"]] == list(roles.PRESETS)
    paper = found["presets"][0]
    assert not paper["present"]
    assert paper["size_mb"] - paper["missing_mb"] == ARTEFACTS["clip"].size_mb
    by_role = {role["role"]: role for role in paper["roles"]}
    assert by_role["image"]["present"]
    assert by_role["image"]["downloads"][0]["place"] == "openai/clip-vit-base-patch32"
    assert not by_role["translate"]["commercial"]
    assert [one["name"] for one in by_role["caption"]["downloads"]] == ["clipcap", "gpt2"]
    assert by_role["caption"]["downloads"][1]["missing"] == [
        "config.json",
        "vocab.json",
        "merges.txt",
    ]
    embedded = found["presets"][-1]
    assert embedded["present"]
    assert {role["engine"] for role in embedded["roles"] if not role["downloads"]} >= {None}


def test_the_list_needs_no_heavy_library():
    code = (
        "import sys; from vemoclap.cli.main import main; main(['models', 'list']);"
        "sys.exit('torch' in sys.modules or 'huggingface_hub' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- download ---------------------------------------------------------------------------------


def test_a_whole_preset_comes_is_listed_and_verified(publisher, published, capsys, monkeypatch):
    needed = [row.name for row in ARTEFACTS.values() if row.engine not in ("whisper", MER)]
    published(*needed)
    assert run("download", "fast") == 0
    told = capsys.readouterr()
    assert told.out.endswith("All of it is here.\n")
    assert "licence of nllb (CC-BY-NC-4.0) forbids commercial use." in told.out
    assert "beats: converting BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt" in told.err
    assert not [name for name in needed if cache.missing(name)]
    assert roles.missing(roles.FAST) == ()
    left = {path.suffix for path in cache.home().rglob("*") if path.is_file()}
    assert not left & {".part", ".etag"}

    run("list")
    fast = capsys.readouterr().out.partition("fast\n")[2].partition("\n\n")[0]
    assert fast.endswith("All of it is here.")
    assert run("verify") == 0
    assert "compare with: 0; wrong: 0." in capsys.readouterr().out

    publisher.requests.clear()
    assert run("download", "fast") == 0
    told = capsys.readouterr().out
    assert told.count(": already here\n") == len(needed)
    assert told.endswith("Nothing to download.\n")
    assert not publisher.requests


@pytest.mark.usefixtures("publisher")
def test_the_backbones_of_the_end_to_end_model_come_by_its_name(published, capsys):
    names = [row.name for row in ARTEFACTS.values() if row.engine == MER]
    assert names == ["inception-resnet", "distilhubert", "albert"]
    published(*names)
    assert run("download", "mer") == 0
    assert capsys.readouterr().out.endswith("All of it is here.\n")
    assert not [name for name in names if cache.missing(name)]
    left = {path.name for path in cache.place("inception-resnet").iterdir()}
    assert left == {"vggface2.safetensors"}  # and not the pickle


def test_the_default_is_the_paper_preset(publisher, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "vemoclap.weights.download.fetch_all", lambda names, *_, **__: asked.extend(names) or {}
    )
    assert run("download") == 0
    assert asked == [
        name for name, row in ARTEFACTS.items() if row.engine not in ("faster-whisper", MER)
    ]
    assert "13 MB to download" in capsys.readouterr().out


@pytest.mark.usefixtures("publisher")
def test_engines_and_artefacts_are_chosen_by_name(published, capsys):
    published(*SMALL)
    assert run("download", "audioset-ontology", "clip", "clip", "cross-attention") == 0
    assert not cache.missing("clip")
    assert not cache.missing("audioset-ontology")
    assert cache.missing("gpt2")
    assert "clip: 1 MB, licence MIT, from openai/clip-vit-base-patch32\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["embedded", "rapidocr", "mtcnn"])
def test_what_comes_with_the_program_needs_no_download(publisher, capsys, name):
    assert run("download", name) == 0
    assert capsys.readouterr().out == "Nothing to download.\n"
    assert not publisher.requests


def test_an_unknown_name_is_answered_with_the_known_ones(capsys):
    assert run("download", "clop") == 2
    message = capsys.readouterr().err
    assert "'clop'" in message
    assert "paper, fast, embedded, yolo-face" in message


def test_one_failure_does_not_stop_the_rest(publisher, published, capsys):
    published("gpt2", "clip")
    publisher.always["vocab.json"] = Fault(status=403)
    assert run("download", "gpt2", "clip", "audioset-ontology") == 2
    told = capsys.readouterr()
    assert not cache.missing("clip")
    errors = told.err.splitlines()
    assert sum(line.startswith("gpt2: http") or "refuses" in line for line in errors) == 1
    assert any(line.startswith("audioset-ontology: ") and "404" in line for line in errors)
    assert "gpt2: failed" in errors
    assert errors[-1] == "2 of 3 could not be downloaded."
    assert "Traceback" not in told.err
    assert "All of it" not in told.out


def test_renewing_needs_names_and_brings_again(publisher, published, capsys):
    assert run("download", "--renew") == 2
    assert "--renew takes the names" in capsys.readouterr().err
    published("gpt2")
    assert run("download", "gpt2") == run("download", "--renew", "gpt2") == 0
    assert len(publisher.asked_for("vocab.json")) == 2


def test_no_room_is_said_before_anything_comes(publisher, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5})())
    assert run("download", "fast") == 2
    assert "0 kB free" in capsys.readouterr().err
    assert not publisher.requests


@pytest.mark.usefixtures("publisher")
def test_bars_are_shown_on_a_terminal(published, capsys, monkeypatch):
    published("gpt2", "cross-attention")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run("download", "gpt2", "cross-attention") == 0
    shown = capsys.readouterr().err
    assert "gpt2" in shown
    assert "42.2/42.2 MB" in shown
    assert "done" in shown


# -- verify -----------------------------------------------------------------------------------


def test_nothing_here_is_said_so(capsys, home):
    assert run("verify") == 0
    assert capsys.readouterr().out == f"No models are in {home}; run `vemoclap models download`.\n"


@pytest.mark.usefixtures("publisher")
def test_a_file_that_changed_is_found(published, capsys):
    published("gpt2", "clip")
    run("download", "gpt2", "clip")
    with (cache.place("clip") / "config.json").open("a") as file:
        file.write(" ")
    capsys.readouterr()
    assert run("verify") == 1
    told = capsys.readouterr().out
    assert f"clip: {cache.place('clip') / 'config.json'} is not the file" in told
    assert f"delete the folder {cache.place('clip')} and run" in told
    assert "as they should be: 4; without anything to compare with: 0; wrong: 1." in told
    assert "Models to be used: gpt2." in told
    shutil.rmtree(cache.place("clip"))
    assert run("download", "clip") == run("verify") == 0


@pytest.mark.usefixtures("publisher")
def test_a_converted_file_that_changed_is_found(published, capsys):
    published("cross-attention")
    run("download", "cross-attention")
    assert run("verify") == 0
    with (cache.place("cross-attention") / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    assert run("verify") == 1
    assert "model.safetensors is not the file" in capsys.readouterr().out


def test_the_hash_of_the_table_counts_even_for_what_came_by_hand(hub, capsys):
    folder = cache.place("whisper-large-v3")
    folder.mkdir(parents=True)
    (folder / "large-v3.pt").write_bytes(b"some other model")
    assert run("verify") == 1
    assert "large-v3.pt is not the file that was published" in capsys.readouterr().out


def test_what_came_by_hand_and_is_unknown_is_no_fault(hub, capsys):
    fill(hub, "gpt2")
    assert run("verify") == 0
    told = capsys.readouterr().out
    assert "was not downloaded by vemoclap" in told
    assert "as they should be: 0; without anything to compare with: 3; wrong: 0." in told


@pytest.mark.usefixtures("publisher")
def test_half_an_artefact_is_a_fault(hub, capsys, published):
    (fill(hub, "gpt2") / "vocab.json").unlink()
    assert run("verify") == 1
    told = capsys.readouterr().out
    assert "is incomplete, it lacks vocab.json; run `vemoclap models download gpt2`." in told
    published("gpt2")
    assert run("download", "gpt2") == run("verify") == 0


@pytest.mark.usefixtures("publisher")
def test_what_is_there_of_half_an_artefact_is_looked_at_too(hub, capsys, published):
    published("gpt2")
    assert run("download", "gpt2") == run("verify") == 0
    folder = cache.place("gpt2")
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").write_text("junk")
    assert run("verify") == 1
    told = capsys.readouterr().out
    assert "is incomplete, it lacks vocab.json" in told
    assert f"{folder / 'merges.txt'} is not the file" in told
    assert "wrong: 2." in told


def test_a_damaged_lock_file_is_no_traceback(capsys, home):
    (home / "weights").mkdir(parents=True)
    (home / "weights" / "lock.json").write_text("{")
    for command in (["verify"], ["download", "gpt2"], ["list"]):
        assert run(*command) == 2
        assert "lock.json, which records what was downloaded, is damaged" in capsys.readouterr().err
