"""A killed run goes on where it was; another file or option starts anew; records survive."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import videos
from tests.analyses import full_analysis
from tests.test_analyser import ENGINES
from vemoclap import follow
from vemoclap.engines import roles
from vemoclap.engines.roles import EMBEDDED
from vemoclap.errors import UsageError
from vemoclap.records import Evidence, Expression, FrameResult, Scores, SpeechReading
from vemoclap.timeline import resume
from vemoclap.timeline.records import Moment
from vemoclap.timeline.state import SectionResult

LENGTH_S = 190  # three sections


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = videos.lavfi(f"testsrc2=s=64x48:r=5:d={LENGTH_S}")
    sound = videos.lavfi(f"sine=d={LENGTH_S}:r=16000")
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return videos.make(path, *source, *sound, *videos.X264, "-g", "25", "-c:a", "aac")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Plain functions for engines, which count what they are asked."""
    asked = {"faces": 0, "vad": 0, "emotion": 0}

    def load(role: str, engine: str, device: str) -> Any:
        def call(*args: Any) -> Any:
            asked[role] += len(args[0]) if role == "faces" else 1
            return ENGINES[role](*args)  # type: ignore[operator]

        return call if role in asked else ENGINES[role]

    monkeypatch.setattr(roles, "load", load)
    return asked


def run(path: Path, folder: Path | None, **options: Any) -> Any:
    return follow(path, preset=EMBEDDED, device="cpu", by="window", folder=folder, **options)


def same(one: Any, two: Any) -> bool:
    """Return whether two timelines say the same, whatever time they took."""
    return bool(resume.encoded(replace(one, stages=())) == resume.encoded(replace(two, stages=())))


# -- a run that is killed ---------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from tests.test_analyser import ENGINES
from vemoclap import follow
from vemoclap.engines import roles
roles.load = lambda role, engine, device: ENGINES[role]
for moment in follow(sys.argv[1], preset=roles.EMBEDDED, device="cpu", by="window",
                     folder=sys.argv[2]):
    print(moment.index, flush=True)
    sys.stdin.readline()  # until it may go on
"""


def test_a_killed_run_goes_on_where_it_was(video, tmp_path, counted):
    root = Path(__file__).resolve().parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(video), str(tmp_path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with child:
        child.stdin.write("\n" * 15)  # so it is killed before the next moment's end
        child.stdin.flush()
        for line in child.stdout:
            if int(line) == 14:  # in the second section
                break
        child.kill()
    kept = len(list((tmp_path / resume.NAME).glob("moment-*.msgpack")))
    sections = len(list((tmp_path / resume.NAME).glob("section-*.msgpack")))
    assert kept >= 15
    assert sections >= 2
    again = run(video, tmp_path)
    timeline = again.result()
    assert counted["vad"] == 0
    assert counted["emotion"] == len(timeline.moments) - kept + 1  # and once for the whole
    first = counted["faces"]
    assert same(timeline, run(video, None).result())
    assert first < 0.6 * (counted["faces"] - first)
    again.forget()
    assert not (tmp_path / resume.NAME).exists()


def test_a_run_that_was_left_goes_on_with_what_was_seen(video, tmp_path, counted):
    started = run(video, tmp_path)
    first = [next(started) for _ in range(3)]
    before = counted["faces"]
    again = run(video, tmp_path)
    assert [resume.encoded(next(again)) for _ in range(3)] == [resume.encoded(m) for m in first]
    assert counted["faces"] == before
    assert counted["vad"] == 1


def test_another_option_starts_anew(video, tmp_path, counted):
    next(run(video, tmp_path))
    before = dict(counted)
    next(run(video, tmp_path, frame_count=4))
    assert counted["vad"] == before["vad"] + 1
    assert counted["faces"] > before["faces"]


def test_another_video_of_the_same_name_starts_anew(video, tmp_path, counted):
    path = tmp_path / "clip.mp4"
    path.write_bytes(video.read_bytes())
    next(run(path, tmp_path))
    videos.make(path, *videos.PICTURE, *videos.SOUND, *videos.X264, "-c:a", "aac")
    moment = next(run(path, tmp_path))
    assert moment.span.end_s == pytest.approx(4, abs=0.1)
    assert counted["vad"] == 2


def test_the_same_video_under_another_name_goes_on(video, tmp_path, counted):
    next(run(video, tmp_path))
    moved = tmp_path / "moved.mp4"
    moved.write_bytes(video.read_bytes())
    next(run(moved, tmp_path))
    assert counted["vad"] == 1


def test_what_is_damaged_on_the_disk_is_found_again(video, tmp_path, counted):
    first = next(run(video, tmp_path))
    for file in (tmp_path / resume.NAME).glob("[ms]*.msgpack"):
        file.write_bytes(file.read_bytes()[:-20])
    assert resume.encoded(next(run(video, tmp_path))) == resume.encoded(first)


def test_a_folder_of_someone_else_is_left_alone(video, tmp_path, counted):
    mine = tmp_path / resume.NAME / "holiday.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(UsageError, match="move it away"):
        next(run(video, tmp_path))
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_refused_plainly(video, tmp_path, counted):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UsageError, match="cannot be written"):
        next(run(video, tmp_path / "file"))


# -- records on the disk ----------------------------------------------------------------------


def copied(kind: Any, value: Any) -> Any:
    return resume.decoded(kind, resume.encoded(value))


def test_records_come_back_as_they_were(video, counted):
    timeline = run(video, None).result()
    for moment in timeline.moments[:3]:
        again = copied(Moment, moment)
        assert again == moment
    reading = full_analysis().readings.speech
    again = copied(SpeechReading, reading)
    assert again == reading
    vector = np.random.default_rng(1).normal(size=(1, 768)).astype(np.float32)
    toned = replace(reading.sentiment, vector=vector)
    back = copied(type(toned), toned)
    np.testing.assert_array_equal(back.vector, vector)
    assert back.vector.dtype == np.float32


def test_evidence_and_odd_numbers_come_back():
    evidence = Evidence({"clip": (0.1 + 0.2, -1e-300)}, (0.5, 0.5), None, "Why „so“?")
    scores = Scores((1.0,), "x", True, "", evidence, ("a",))
    assert copied(Scores, scores) == scores


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Scores, {"probabilities": []}),
        (FrameResult, {}),
        (SectionResult, []),
        (float, "1"),
        (int, True),
        (bytes, "words"),
        (Expression, {"label": "", "probability": 1.0, "vector": ["<f4", [9], b"junk"]}),
    ],
)
def test_what_does_not_fit_its_type_is_refused(kind, value):
    with pytest.raises(ValueError, match=r"Expected|missing|header"):
        resume.decoded(kind, resume.encoded(value))
