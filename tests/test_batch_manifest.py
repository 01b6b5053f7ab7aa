"""The manifest keeps every ending, and a torn line costs that line only."""

import subprocess
import sys
from dataclasses import replace

import pytest

from vemoclap.batch import manifest
from vemoclap.batch.manifest import Manifest
from vemoclap.batch.records import Content, Ending, Entry
from vemoclap.errors import DataError, UsageError

DONE = Entry(
    name="a/é\n.mp4",
    path="/videos/\udcff.mp4",
    content=Content(10, 1234567890123456789, "ab" * 32),
    key="k",
    limits=(14400.0, 2**31),
    ending=Ending.PARTIAL,
    cause="The picture is damaged.",
    seconds=1.5,
    duration_s=2.25,
    emotions=(0.5, 0.1, 0.1, 0.1, 0.1, 0.1),
    engines=(("ocr", "rapidocr"),),
    stages=(("video", 0.5),),
    runner="local",
    ended="2026-11-21T12:00:00.000001+00:00",
)
REFUSED = replace(
    DONE, name="b", content=None, ending=Ending.REFUSED, duration_s=None, emotions=None
)


def test_an_entry_comes_back_as_it_went(tmp_path):
    log = Manifest(manifest.path_of(tmp_path))
    log.add(DONE)
    log.add(REFUSED)
    assert manifest.read(tmp_path) == {DONE.name: DONE, "b": REFUSED}
    assert len(manifest.path_of(tmp_path).read_bytes().splitlines()) == 2


def test_the_last_word_counts(tmp_path):
    log = Manifest(manifest.path_of(tmp_path))
    later = replace(DONE, ending=Ending.OK, ended="2026-11-22")
    log.add(DONE)
    log.add(later)
    assert manifest.read(tmp_path) == {DONE.name: later}


@pytest.mark.parametrize("kept", [0, 1, 100, -2, -1])
def test_a_torn_last_line_is_passed_over_and_the_next_is_whole(kept, tmp_path):
    path = manifest.path_of(tmp_path)
    log = Manifest(path)
    log.add(REFUSED)
    whole = path.stat().st_size
    log.add(DONE)
    data = path.read_bytes()
    path.write_bytes(data[: whole + kept] if kept >= 0 else data[:kept])
    log.add(replace(DONE, name="c"))
    assert set(manifest.read(tmp_path)) - {DONE.name} == {"b", "c"}


def test_shares_are_read_together(tmp_path):
    for number in (1, 2):
        share = Manifest(manifest.path_of(tmp_path, (number, 2)))
        share.add(replace(DONE, name=f"{number}"))
    assert set(manifest.read(tmp_path)) == {"1", "2"}


def test_what_is_no_entry_is_passed_over(tmp_path):
    lines = [b"", b"{}", b"[]", b"null", b"\xff", b'{"name": "x"}']
    manifest.path_of(tmp_path).write_bytes(b"\n".join(lines))
    assert manifest.read(tmp_path) == {}


def test_a_manifest_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(DataError, match="run the same command again"):
        Manifest(tmp_path / "nowhere" / "manifest.jsonl").add(DONE)


def test_one_batch_at_a_time(tmp_path):
    code = (
        "import sys; from pathlib import Path; from vemoclap.batch import manifest\n"
        "share = eval(sys.argv[2])\n"
        "with manifest.held(Path(sys.argv[1]), share): pass\n"
    )

    def other(share):
        command = [sys.executable, "-c", code, str(tmp_path), repr(share)]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode, done.stderr

    with manifest.held(tmp_path, (1, 2)):
        assert other((2, 2))[0] == 0
        assert b"Another batch is at work" in other((1, 2))[1]
        assert b"Another batch is at work" in other(None)[1]
    with manifest.held(tmp_path, None):
        assert b"Another batch is at work" in other((2, 2))[1]
    assert other(None)[0] == 0
    with manifest.held(tmp_path, None), pytest.raises(UsageError), manifest.held(tmp_path, (1, 2)):
        pass
