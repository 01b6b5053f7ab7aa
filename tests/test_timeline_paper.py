"""A timeline by the paper's engines, in miniature: equal to whole runs on the parts cut out."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.dialogue import dialogue
from tests.test_timeline_run import cut_out
from vemoclap import Analyser
from vemoclap.engines.roles import PAPER
from vemoclap.timeline.api import timeline_of

FRAMES = 3


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    talk = dialogue(folder / "talk.mp4", ("Good morning to you",), (1.5, 4.8))
    # Without loss once more, so that what is cut out of it later has the same pixels.
    path = folder / "exact.mov"
    command = ["ffmpeg", "-v", "error", "-i", str(talk.path), "-c:v", "libx264", "-qp", "0"]
    subprocess.run([*command, "-sn", "-c:a", "pcm_s16le", str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def machine(own_home: Path) -> Analyser:
    return Analyser(replace(PAPER, transcribe=None, ocr=None, caption=None), device="cpu")


def test_windows_and_the_whole_are_judged_as_by_whole_runs(video, machine, tmp_path):
    options = {"by": "window", "length_s": 5.0, "step_s": 3.0, "frame_count": FRAMES}
    timeline = timeline_of(video, analyser=machine, **options)
    assert timeline.trained
    assert timeline.model == "cross-attention"
    assert [moment.span.start_s for moment in timeline.moments] == [0, 3]
    for moment in timeline.moments:
        span = moment.span
        part = cut_out(video, tmp_path / "part.mov", span.start_s, span.length_s)
        alone = machine.analyze(part, frame_count=FRAMES)
        assert moment.probabilities == pytest.approx(alone.scores.probabilities, abs=0.005)
        assert moment.scores.evidence.frame_weights is not None
        assert {tag.name for tag in moment.tags} == {tag.name for tag in alone.readings.sound.tags}
        assert len(moment.faces) == len(alone.readings.faces.faces or ())
    usual = machine.analyze(video)
    assert timeline.whole.probabilities == pytest.approx(usual.scores.probabilities, abs=0.005)
    assert np.abs(np.array(timeline.mean) - usual.scores.probabilities).max() > 0.005
