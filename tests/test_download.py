"""Downloads from a publisher that misbehaves: all come whole or say what to do."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants, file_download

from tests.miniatures import TRAPS
from tests.servers import Fault, Publisher, git_blob, publishing, sha256
from vemoclap.errors import WeightsError
from vemoclap.weights import cache, checkpoint, download, lockfile, transfer
from vemoclap.weights.catalog import ARTEFACTS, Artefact
from vemoclap.weights.verify import Verdict, verify

MODEL = bytes(range(256)) * 80  # 20 kB
CONFIG = b'{"size": 20}'
TOY = Artefact(
    name="toy",
    engine="toy",
    place="org/toy",
    revision="main",
    files=(("config.json",), ("model.safetensors", "pytorch_model.bin")),
    converted=None,
    size_mb=1,
    licence="MIT",
    citation="Nobody",
)


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Publish two toys, one on the hub and one as plain files, and an empty home for them."""
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    waits = SimpleNamespace(sleep=lambda _: None)  # between the tries of one call
    monkeypatch.setattr(file_download, "time", waits)
    with publishing() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.publish("org/toy", {"config.json": CONFIG, "model.safetensors": MODEL})
        server.files["v1/deep/model.pt"] = MODEL
        plain = replace(
            TOY,
            name="plain",
            place=f"{server.url}/files",
            revision="v1",
            files=(("deep/model.pt",),),
        )
        monkeypatch.setitem(ARTEFACTS, "toy", TOY)
        monkeypatch.setitem(ARTEFACTS, "plain", plain)
        yield server


@pytest.fixture
def naps() -> list[float]:
    """Seconds that a download would have waited."""
    return []


@pytest.fixture
def fetch(naps):
    def run(name: str, **options: bool) -> bool:
        return download.fetch(name, lambda *_: None, sleep=naps.append, **options)

    return run


def names(artefact: str) -> set[str]:
    folder = cache.place(artefact)
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def refusal(call, *arguments, **options) -> str:
    """Return the message of the refusal, once it is one sentence that says what to do."""
    with pytest.raises(WeightsError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "; " in message
    assert "Traceback" not in message
    return message


def change(monkeypatch, name: str, **changes) -> None:
    monkeypatch.setitem(ARTEFACTS, name, replace(ARTEFACTS[name], **changes))


# -- what goes well ---------------------------------------------------------------------------


def test_files_come_with_their_hashes_and_commit(publisher: Publisher, fetch):
    commit = publisher.commit("org/toy", "main")
    assert fetch("toy")
    assert names("toy") == {"config.json", "model.safetensors"}
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL
    entry = lockfile.read(cache.lock_path())["toy"]
    assert entry.revision == commit == cache.revision("toy")
    assert entry.files["model.safetensors"] == lockfile.Kept(len(MODEL), sha256(MODEL))
    assert entry.files["config.json"].sha256 == sha256(CONFIG)


def test_all_files_are_of_the_commit_of_the_first(publisher: Publisher, fetch):
    fetch("toy")
    commit = publisher.commit("org/toy", "main")
    assert [(one.method, one.path, one.status) for one in publisher.requests] == [
        ("HEAD", "/org/toy/resolve/main/config.json", 200),
        ("GET", f"/org/toy/resolve/{commit}/config.json", 200),
        ("HEAD", f"/org/toy/resolve/{commit}/model.safetensors", 302),
        ("GET", f"/org/toy/resolve/{commit}/model.safetensors", 302),
        ("GET", f"/storage/org:toy/{commit}/model.safetensors", 200),
    ]


def test_nothing_of_the_user_s_hub_is_used_or_sent(publisher: Publisher, fetch, tmp_path: Path):
    """Neither the token, nor the cache, nor a setting that forbids downloads."""
    fetch("toy")
    fetch("plain")
    assert publisher.requests
    for request in publisher.requests:
        assert "authorization" not in {name.lower() for name in request.headers}
        assert "hf_of_the_user" not in str(request.headers)
        assert request.headers["user-agent"].startswith("vemoclap/")
    assert not [path for path in tmp_path.rglob("*") if path.name in ("hub", "xet", ".cache")]


def test_the_library_is_offline_again_after_a_download(publisher: Publisher, fetch, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as after an analysis
    fetch("toy")
    assert constants.HF_HUB_OFFLINE
    publisher.always["model.pt"] = Fault(status=403)
    refusal(fetch, "plain")
    assert constants.HF_HUB_OFFLINE


def test_a_file_from_a_folder_is_kept_under_its_own_name(publisher: Publisher, fetch):
    assert fetch("plain")
    assert names("plain") == {"model.pt"}
    assert publisher.requests[0].path == "/files/v1/deep/model.pt"
    assert cache.revision("plain") == "v1"


@pytest.mark.usefixtures("publisher")
def test_what_is_here_is_not_asked_for_again(publisher: Publisher, fetch):
    fetch("toy")
    publisher.requests.clear()
    assert not fetch("toy")
    assert not publisher.requests


def test_an_alternative_is_taken_only_where_the_first_is_not_published(publisher: Publisher, fetch):
    publisher.publish("org/toy", {"config.json": CONFIG, "pytorch_model.bin": MODEL})
    fetch("toy")
    assert names("toy") == {"config.json", "pytorch_model.bin"}


def test_no_alternative_is_taken_when_the_first_is_refused(publisher: Publisher, fetch):
    publisher.publish(
        "org/toy",
        {"config.json": CONFIG, "model.safetensors": MODEL, "pytorch_model.bin": MODEL},
    )
    publisher.always["model.safetensors"] = Fault(status=403)
    assert "refuses" in refusal(fetch, "toy")
    assert not publisher.asked_for("pytorch_model.bin")


def test_the_progress_of_an_artefact_grows_to_its_size(publisher: Publisher):
    heard = []
    download.fetch("toy", lambda *step: heard.append(step))
    stages = list(dict.fromkeys(stage for stage, _, _ in heard))
    assert stages == [
        "downloading config.json",
        "checking config.json",
        "downloading model.safetensors",
        "checking model.safetensors",
        "done",
    ]
    size = len(CONFIG) + len(MODEL)
    assert heard[-2:] == [("checking model.safetensors", size, 10**6), ("done", size, size)]
    assert len({done for _, done, _ in heard}) > 10


# -- cut, and resumed -------------------------------------------------------------------------


def test_a_cut_download_is_resumed(publisher: Publisher, fetch):
    publisher.faults["model.safetensors"] = [Fault(cut=9000), Fault(cut=7000)]
    fetch("toy")
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL
    starts = [r.headers.get("Range") for r in publisher.asked_for("model.safetensors")]
    assert starts == [None, "bytes=8192-", "bytes=14336-"]  # whole kilobytes of what was sent


@pytest.mark.parametrize("name", ["toy", "known"])
def test_a_download_that_is_always_cut_ends_and_a_later_run_goes_on(
    publisher: Publisher, fetch, naps, monkeypatch, name
):
    known = {"deep/model.pt": f"sha256:{sha256(MODEL)}"}
    monkeypatch.setitem(ARTEFACTS, "known", replace(ARTEFACTS["plain"], name="known", hashes=known))
    file = {"toy": "model.safetensors", "known": "model.pt"}[name]
    publisher.faults[file] = [Fault(cut=10_500)]
    publisher.always[file] = Fault(cut=0)
    message = refusal(fetch, name)
    assert "cut again and again" in message
    assert "10 kB of 20 kB" in message
    assert len(naps) == transfer.TRIES - 1
    assert 0.5 <= naps[0] <= 1.5
    assert 1 <= naps[1] <= 3
    assert names(name) - {"config.json"} == {f"{file}.part"}
    assert cache.missing(name)
    publisher.always.clear()
    fetch(name)
    assert publisher.asked_for(file)[-1].headers["Range"] == "bytes=10240-"
    assert len(publisher.asked_for("config.json")) == (name == "toy")
    assert names(name) - {"config.json"} == {file}


def test_a_server_that_cuts_for_ever_is_borne_as_long_as_bytes_come(publisher: Publisher, fetch):
    publisher.always["model.safetensors"] = Fault(cut=2048)
    fetch("toy")
    assert len(publisher.asked_for("model.safetensors")) == 10
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


def test_a_server_that_always_starts_over_is_given_up(publisher: Publisher, fetch, naps):
    publisher.always["model.safetensors"] = Fault(cut=9000, whole=True)
    assert "cut again and again" in refusal(fetch, "toy")
    assert len(publisher.asked_for("model.safetensors")) < 100


def test_a_server_that_ignores_the_wish_for_a_part_starts_over(publisher: Publisher, fetch):
    publisher.faults["model.safetensors"] = [Fault(cut=9000), Fault(whole=True)]
    fetch("toy")
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


def test_a_file_that_changes_between_tries_is_not_glued_together(publisher: Publisher, fetch):
    other = bytes(reversed(MODEL))
    hold = threading.Event()
    publisher.faults["model.pt"] = [Fault(cut=9000), Fault(hold=hold)]

    def change(stage: str, done: int, total: int) -> None:
        if done >= 8192:
            publisher.files["v1/deep/model.pt"] = other
            hold.set()

    download.fetch("plain", change)
    assert (cache.folder("plain") / "model.pt").read_bytes() == other


@pytest.mark.parametrize("headers", [{"ETag": 'W/"weak"'}, {}])
def test_a_file_without_a_firm_mark_or_a_hash_is_never_resumed(publisher, fetch, headers):
    without = () if headers else ("ETag",)
    fault = Fault(cut=9000, headers=headers, without=without)
    publisher.faults["model.pt"] = [fault, replace(fault, cut=None)]
    fetch("plain")
    assert [r.status for r in publisher.asked_for("model.pt")] == [200, 200]
    assert (cache.folder("plain") / "model.pt").read_bytes() == MODEL


def test_a_part_that_cannot_be_resumed_is_not_left(publisher: Publisher, fetch):
    publisher.faults["model.pt"] = [Fault(cut=9000)]
    publisher.always["model.pt"] = Fault(cut=0)
    refusal(fetch, "plain")
    assert not cache.place("plain").exists()


def test_a_part_that_is_the_whole_file_is_only_checked(publisher: Publisher, fetch):
    _leave_part("toy", "model.safetensors", MODEL)
    fetch("toy")
    assert not publisher.asked_for("model.safetensors")
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL
    assert names("toy") == {"config.json", "model.safetensors"}


def test_a_part_longer_than_the_file_is_thrown_away(publisher: Publisher, fetch):
    _leave_part("toy", "model.safetensors", MODEL + b"more")
    fetch("toy")
    assert [r.status for r in publisher.asked_for("model.safetensors")] == [200]
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


@pytest.mark.parametrize("length", [5000, len(MODEL)])
def test_a_damaged_part_is_found_out_and_the_file_fetched_afresh(
    publisher: Publisher, fetch, length
):
    _leave_part("toy", "model.safetensors", b"x" * length)
    fetch("toy")
    wanted = [206, 200] if length == 5000 else [200]
    assert [r.status for r in publisher.asked_for("model.safetensors")] == wanted
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


def test_a_part_that_no_hash_can_tell_of_is_not_gone_on_with(publisher: Publisher, fetch):
    _leave_part("plain", "model.pt", b"x" * 5000)
    fetch("plain")
    assert [r.headers.get("Range") for r in publisher.asked_for("model.pt")] == [None]
    assert (cache.folder("plain") / "model.pt").read_bytes() == MODEL


def _leave_part(name: str, file: str, content: bytes) -> None:
    """Leave what an interrupted download would leave."""
    folder = cache.place(name)
    folder.mkdir(parents=True)
    (folder / f"{file}.part").write_bytes(content)


def test_what_earlier_downloads_left_is_swept_away(publisher: Publisher, fetch):
    folder = cache.place("toy")
    folder.mkdir(parents=True)
    for stale in ("pytorch_model.bin.part", "old.bin.part", "old.bin.part.etag", "x.77.part"):
        (folder / stale).write_bytes(b"stale")
    fetch("toy")
    assert names("toy") == {"config.json", "model.safetensors"}


# -- busy, gone, unreachable ------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(publisher: Publisher, fetch, naps, status):
    publisher.faults["model.safetensors"] = [Fault(status=status)] * 2
    fetch("toy")
    assert len(naps) == 2
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


def test_the_server_says_how_long_to_wait(publisher: Publisher, fetch, naps):
    publisher.faults["model.safetensors"] = [
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(status=503, headers={"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}),
        Fault(status=503, headers={"Retry-After": "soon"}),
    ]
    fetch("toy")
    assert naps[:2] == [7, 0]
    assert 2 <= naps[2] <= 6  # our own third delay


def test_nobody_waits_for_hours(publisher: Publisher, fetch, naps):
    publisher.always["model.safetensors"] = Fault(status=429, headers={"Retry-After": "3600"})
    assert "wait for 60 minutes" in refusal(fetch, "toy")
    assert not naps


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses"),
        (403, "refuses"),
        (404, "not there any more"),
        (410, "not there any more"),
        (418, "status 418"),
        (429, "too busy"),
        (500, "too busy"),
    ],
)
def test_each_status_has_its_sentence(publisher: Publisher, fetch, status, words):
    publisher.always["model.pt"] = Fault(status=status)
    message = refusal(fetch, "plain")
    assert words in message
    assert "model.pt" in message
    assert str(status) in message
    assert not cache.place("plain").exists()


def test_an_unreachable_server(publisher: Publisher, fetch, naps, monkeypatch):
    with publishing() as gone:
        pass
    monkeypatch.setenv("HF_ENDPOINT", gone.url)
    message = refusal(fetch, "toy")
    assert f"127.0.0.1:{gone.server.server_port} cannot be reached" in message
    assert "refused" in message
    assert len(naps) == transfer.TRIES - 1


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://127.0.0.1", "http://"])
@pytest.mark.usefixtures("publisher")
def test_an_address_that_is_none(fetch, monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert "HF_ENDPOINT" in refusal(fetch, "toy")


def test_a_server_that_cannot_be_reached_is_not_asked_for_everything(
    publisher: Publisher, naps, monkeypatch
):
    monkeypatch.setitem(ARTEFACTS, "other", replace(TOY, name="other", place="org/other"))
    with publishing() as gone:
        pass
    monkeypatch.setenv("HF_ENDPOINT", gone.url)
    failures = download.fetch_all(
        ["toy", "other", "plain"], lambda _: lambda *_: None, sleep=naps.append
    )
    assert set(failures) == {"toy", "other"}
    assert isinstance(failures["other"], transfer.UnreachableError)
    assert len(naps) == transfer.TRIES - 1
    assert not cache.missing("plain")


# -- something else than the file -------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b"\xef\xbb\xbf<!-- hotel --><p>please log in"),
        Fault(body=b"\n <!DOCTYPE html><title>Log in</title>"),
        Fault(body=b"<HTML><body>blocked</body></HTML>"),
    ],
)
@pytest.mark.parametrize("name", ["toy", "plain"])
def test_a_web_page_is_no_file(publisher: Publisher, fetch, fault, name):
    for file in ("model.safetensors", "model.pt"):
        publisher.always[file] = fault
    assert "web page" in refusal(fetch, name)
    assert names(name) <= {"config.json"}
    assert not any("model" in file for entry in _locked().values() for file in entry["files"])


def _locked() -> dict:
    path = cache.lock_path()
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("algorithm", ["sha256", "git-blob"])
def test_a_hash_of_the_table_must_be_met(publisher: Publisher, fetch, monkeypatch, algorithm):
    right = {"sha256": sha256, "git-blob": git_blob}[algorithm](MODEL)
    change(monkeypatch, "plain", hashes={"deep/model.pt": f"{algorithm}:{right}"})
    fetch("plain")
    shutil.rmtree(cache.place("plain"))
    publisher.files["v1/deep/model.pt"] = MODEL[:-1] + b"!"
    message = refusal(fetch, "plain")
    assert "not the file that was expected" in message
    assert "newer vemoclap" in message
    assert not cache.place("plain").exists()


def test_a_hash_of_the_lock_must_be_met_until_the_change_is_accepted(publisher: Publisher, fetch):
    fetch("plain")
    shutil.rmtree(cache.place("plain"))
    changed = publisher.files["v1/deep/model.pt"] = MODEL[:-1] + b"!"
    message = refusal(fetch, "plain")
    assert "`vemoclap models download --renew plain`" in message
    assert not cache.place("plain").exists()
    fetch("plain", renew=True)
    assert (cache.folder("plain") / "model.pt").read_bytes() == changed
    assert lockfile.read(cache.lock_path())["plain"].files["model.pt"].sha256 == sha256(changed)


def test_the_commit_of_the_first_download_is_kept_until_it_is_renewed(publisher: Publisher, fetch):
    fetch("toy")
    first = cache.revision("toy")
    second = publisher.publish("org/toy", {"config.json": CONFIG, "pytorch_model.bin": MODEL[::-1]})
    shutil.rmtree(cache.place("toy"))
    fetch("toy")
    assert cache.revision("toy") == first
    fetch("toy", renew=True)
    assert cache.revision("toy") == second
    assert names("toy") == {"config.json", "pytorch_model.bin"}  # and not the old one beside it
    assert set(_locked()["toy"]["files"]) == {"config.json", "pytorch_model.bin"}


def test_a_commit_that_is_gone(publisher: Publisher, fetch):
    fetch("toy")
    first = cache.revision("toy")
    shutil.rmtree(cache.place("toy"))
    publisher.repos.clear()
    publisher.publish("org/toy", {"config.json": CONFIG, "model.safetensors": MODEL[::-1]})
    message = refusal(fetch, "toy")
    assert first in message
    assert "--renew toy" in message


def test_a_hub_whose_bytes_are_not_those_it_tells_of(publisher: Publisher, fetch):
    publisher.always["model.safetensors"] = Fault(body=MODEL[:-1] + b"!")
    assert "came with other bytes" in refusal(fetch, "toy")
    assert names("toy") == {"config.json"}


def test_another_file_on_the_hub_is_refused_before_it_is_sent(
    publisher: Publisher, fetch, monkeypatch
):
    change(monkeypatch, "toy", hashes={"model.safetensors": f"sha256:{'0' * 64}"})
    assert "not the file that was expected" in refusal(fetch, "toy")
    assert names("toy") == {"config.json"}


def test_a_server_that_does_not_say_how_long_the_file_is(publisher: Publisher, fetch, monkeypatch):
    publisher.always["model.pt"] = Fault(without=("Content-Length",))
    assert "how long" in refusal(fetch, "plain")
    change(monkeypatch, "plain", hashes={"deep/model.pt": f"sha256:{sha256(MODEL)}"})
    fetch("plain")  # the hash tells whether it is whole
    assert (cache.folder("plain") / "model.pt").read_bytes() == MODEL


@pytest.mark.parametrize("commit", ["../../etc", "main", "", "A" * 40])
def test_a_commit_that_is_none_does_not_become_part_of_an_address(
    publisher: Publisher, fetch, commit
):
    publisher.always["config.json"] = Fault(headers={"X-Repo-Commit": commit})
    fetch("toy")
    paths = {request.path.rpartition("/")[0] for request in publisher.requests}
    assert not any(commit and commit != "main" and commit in path for path in paths)
    assert publisher.requests[2].path == "/org/toy/resolve/main/model.safetensors"


# -- the disk ---------------------------------------------------------------------------------

Usage = namedtuple("Usage", "total used free")


def test_room_for_everything_is_checked_before_anything_is_asked(
    publisher: Publisher, naps, monkeypatch
):
    change(monkeypatch, "toy", size_mb=3000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 2 * 10**9))
    message = refusal(download.fetch_all, ["toy", "plain"], lambda _: lambda *_: None)
    assert "2.0 GB free" in message
    assert "3.0 GB are needed" in message
    assert not publisher.requests


def test_room_counts_what_is_here_and_that_a_pickle_is_there_twice(
    publisher: Publisher, fetch, monkeypatch
):
    assert download.bytes_needed(["toy", "plain"]) == 2 * 10**6
    fetch("plain")
    assert download.bytes_needed(["toy", "plain"]) == 10**6
    assert download.bytes_needed(["toy", "plain"], renew=True) == 2 * 10**6
    publisher.faults["model.safetensors"] = [Fault(cut=10_500)]
    publisher.always["model.safetensors"] = Fault(cut=0)
    refusal(fetch, "toy")
    assert 10**6 - 20_000 < download.bytes_needed(["toy"]) < 10**6 - 10_000
    assert download.bytes_needed(["beats"]) == 2 * ARTEFACTS["beats"].size_mb * 10**6


def test_room_for_the_exact_size_is_checked_before_a_file_is_written(
    publisher: Publisher, fetch, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 15_000))
    message = refusal(fetch, "toy")
    assert "15 kB free" in message
    assert "20 kB are needed" in message
    assert names("toy") == {"config.json"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_while_writing(publisher: Publisher, fetch, monkeypatch, code):
    _break_writing(monkeypatch, code, after=4096)
    assert "is full" in refusal(fetch, "toy")
    monkeypatch.undo()


def test_a_disk_that_fails(publisher: Publisher, fetch, monkeypatch):
    _break_writing(monkeypatch, errno.EIO, after=0)
    assert "cannot be used" in refusal(fetch, "toy")


def test_a_download_goes_on_once_there_is_room(publisher: Publisher, fetch, monkeypatch):
    with monkeypatch.context() as patch:
        _break_writing(patch, errno.ENOSPC, after=4096)
        refusal(fetch, "toy")
    fetch("toy")
    assert publisher.asked_for("model.safetensors")[-1].headers["Range"] == "bytes=4096-"
    assert (cache.folder("toy") / "model.safetensors").read_bytes() == MODEL


def _break_writing(monkeypatch, code: int, after: int) -> None:
    """Let writing to the part of the model fail after some bytes."""
    opened = Path.open

    def fragile(path: Path, mode: str = "r", *args, **options):
        if mode != "ab" or not path.name.startswith("model"):
            return opened(path, mode, *args, **options)
        file = opened(path, mode, 0)
        write, room = file.write, after

        class Fragile:
            def write(self, chunk: bytes) -> int:
                nonlocal room
                if len(chunk) > room:
                    raise OSError(code, os.strerror(code))
                room -= len(chunk)
                return write(chunk)

            def __getattr__(self, name: str):
                return getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

        return Fragile()

    monkeypatch.setattr(Path, "open", fragile)


@pytest.fixture
def forbidden():
    """Return a folder in which this process may not write, even if it is run by root."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_home_that_may_not_be_written_to(publisher: Publisher, fetch, monkeypatch, forbidden):
    monkeypatch.setenv("VEMOCLAP_HOME", str(forbidden / "home"))
    message = refusal(fetch, "toy")
    assert "no permission" in message
    assert str(forbidden) in message
    assert "VEMOCLAP_HOME" in message
    assert not publisher.requests


@pytest.mark.usefixtures("publisher")
def test_a_home_that_is_a_file(fetch, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path / "file"))
    assert "cannot be used" in refusal(fetch, "toy")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"toy": 1}',
        '{"toy": {"revision": null}}',
        '{"toy": {"revision": "../..", "files": {}}}',
        '{"toy": {"revision": null, "files": {"a": {"size": "1", "sha256": "0"}}}}',
    ],
)
def test_a_damaged_lock_file(publisher: Publisher, fetch, text):
    cache.lock_path().parent.mkdir(parents=True)
    cache.lock_path().write_text(text)
    for call in (
        lambda: fetch("toy"),
        lambda: download.fetch_all(["toy", "plain"], lambda _: lambda *_: None),
        lambda: cache.revision("toy"),
        lambda: verify(["toy"], lambda _: lambda *_: None),
    ):
        message = refusal(call)
        assert "lock.json" in message
        assert "damaged" in message
    assert not publisher.requests
    assert cache.lock_path().read_text() == text


# -- two at once ------------------------------------------------------------------------------

ALONE = """
    import sys
    from vemoclap.weights import download
    from vemoclap.weights.catalog import ARTEFACTS, Artefact

    ARTEFACTS["toy"] = Artefact(
        name="toy", engine="toy", place="org/toy", revision="main",
        files=(("config.json",), ("model.safetensors",)),
        converted=None, size_mb=1, licence="MIT", citation="",
    )
    last = ""
    def show(stage, done, total):
        global last
        if stage != last:
            print(stage, flush=True)
        last = stage
    print("did it" if download.fetch("toy", show) else "nothing to do", flush=True)
"""


def test_two_processes_at_once_both_succeed(publisher: Publisher):
    hold = threading.Event()
    publisher.faults["config.json"] = [Fault(hold=hold)]
    command = [sys.executable, "-c", textwrap.dedent(ALONE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert publisher.asked.wait(60)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout.readline().strip() == download.WAITING
            hold.set()
            assert second.communicate(timeout=60)[0].splitlines() == ["nothing to do"]
        assert first.communicate(timeout=60)[0].splitlines()[-1] == "did it"
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(publisher.asked_for("model.safetensors")) == 1
    assert names("toy") == {"config.json", "model.safetensors"}


def test_many_processes_keep_what_each_other_recorded(tmp_path: Path):
    path = tmp_path / "lock.json"
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from vemoclap.weights import lockfile

        for number in range(20):
            entry = lockfile.Entry(None, {"f": lockfile.Kept(number, "0" * 64)})
            lockfile.record(Path(sys.argv[1]), f"{sys.argv[2]}-{number}", entry)
        """
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("a", "b")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(lockfile.read(path)) == 40


# -- pickles ----------------------------------------------------------------------------------

CONVERTED = ("beats", "clipcap", "cross-attention")


@pytest.fixture
def pickled(publisher: Publisher, hub, monkeypatch):
    """Publish the miniature of a model that comes as a pickle; return its bytes."""

    def publish(name: str, content: bytes | None = None) -> bytes:
        row = ARTEFACTS[name]
        ((file,),) = row.files
        right = (hub / name / Path(file).name).read_bytes()
        content = right if content is None else content
        if row.on_hugging_face:
            publisher.publish(row.place, {file: content})
        else:
            publisher.files[f"{row.revision}/{file}"] = content
            known = {file: f"git-blob:{git_blob(content)}"}
            change(monkeypatch, name, place=f"{publisher.url}/files", hashes=known)
        return content

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**20)
    return publish


@pytest.mark.parametrize("name", CONVERTED)
def test_a_pickle_is_converted_recorded_and_removed(fetch, pickled, hub, name):
    content = pickled(name)
    row = ARTEFACTS[name]
    published = Path(row.files[0][0]).name
    assert fetch(name)
    assert names(name) == {row.converted}
    ours, metadata = checkpoint.read(cache.folder(name) / row.converted, "cpu")
    theirs, same = checkpoint.read(hub / name / row.converted, "cpu")
    assert metadata == same
    assert set(ours) == set(theirs)
    assert all(ours[key].equal(theirs[key]) for key in ours)
    files = lockfile.read(cache.lock_path())[name].files
    assert files[published].sha256 == sha256(content)
    (finding,) = verify([name], lambda _: lambda *_: None)
    assert (finding.file, finding.verdict) == (row.converted, Verdict.GOOD)


@pytest.mark.parametrize("name", CONVERTED)
def test_a_conversion_that_was_interrupted_is_made_good(publisher: Publisher, fetch, pickled, name):
    content = pickled(name)
    published = Path(ARTEFACTS[name].files[0][0]).name
    folder = cache.place(name)
    folder.mkdir(parents=True)
    (folder / published).write_bytes(content)
    (folder / f"{ARTEFACTS[name].converted}.77.part").write_bytes(b"half")
    assert fetch(name)
    assert names(name) == {ARTEFACTS[name].converted}
    assert not publisher.requests


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", CONVERTED)
def test_a_planted_pickle_is_refused_and_nothing_of_it_stays(fetch, pickled, tmp_path, name, trap):
    marker, bait = tmp_path / "sprung", tmp_path / "bait.pt"
    TRAPS[trap](bait, marker)
    pickled(name, bait.read_bytes())
    message = refusal(fetch, name)
    assert "removed unused" in message
    assert not marker.exists()
    assert not cache.place(name).exists()
    assert name not in _locked()
    assert not list((tmp_path / "home").rglob("*.pt*"))


@pytest.mark.parametrize("name", CONVERTED)
def test_another_model_in_the_pickle_is_refused(fetch, pickled, tmp_path, name):
    import torch

    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pt")
    pickled(name, (tmp_path / "other.pt").read_bytes())
    assert "removed unused" in refusal(fetch, name)
    assert not cache.place(name).exists()


def test_a_result_of_conversion_that_does_not_fit_leaves_the_pickle(fetch, pickled, monkeypatch):
    import safetensors.torch

    def full(*_):
        raise safetensors.SafetensorError("No space left on device (os error 28)")

    pickled("clipcap")
    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", full)
        assert "No space left" in refusal(fetch, "clipcap")
    assert names("clipcap") == {"conceptual_weights.pt"}
    fetch("clipcap")
    assert names("clipcap") == {ARTEFACTS["clipcap"].converted}


# -- addresses of the real table --------------------------------------------------------------


def test_the_published_addresses(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    addresses = {
        name: row.address(row.files[0][0], row.revision) for name, row in ARTEFACTS.items()
    }
    assert addresses["clip"] == (
        "https://huggingface.co/openai/clip-vit-base-patch32/resolve/main/config.json"
    )
    assert addresses["whisper-large-v3"] == (
        "https://openaipublic.azureedge.net/main/whisper/models/"
        "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb/large-v3.pt"
    )
    assert addresses["audioset-ontology"] == (
        "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json"
    )
    assert addresses["cross-attention"] == (
        "https://raw.githubusercontent.com/serkansulun/video-emotion/312f802/"
        "weights/classifier/model.pt"
    )
    assert all(address.startswith("https://") for address in addresses.values())
