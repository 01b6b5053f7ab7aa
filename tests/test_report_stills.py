"""All sampled frames are shown, small, with what was marked on each."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.analyses import full_analysis
from tests.pages import Page, shown
from vemoclap import report
from vemoclap.records import OK, FaceReading
from vemoclap.report.stills import LISTED, STILL_SIDE, STILLS, stills


def test_every_frame_has_its_boxes_and_its_words():
    found = stills(full_analysis(words="Xyzzy"))
    assert [still.number for still in found] == [1, 2, 3, 4]
    assert [len(still.faces) for still in found] == [0, 1, 1, 0]
    (face,), (line,) = found[2].faces, found[2].lines
    assert (face.left, face.top, face.width, face.height) == (300, 100, 100, 150)
    assert (face.label, face.said) == ("F1", "Xyzzy 80 %")
    assert found[1].faces[0].said == "face"
    assert (line.label, line.said) == ("T1", "Xyzzy")
    assert line.points == "100.0,300.0 200.0,300.0 200.0,330.0 100.0,330.0"
    words = shown(full_analysis(words="Xyzzy"))
    assert "Frame 1 at 0:00 nothing marked F1" in words
    assert "F1 Xyzzy 80 % T1 Xyzzy" in words


@pytest.mark.parametrize(("height", "width"), [(360, 640), (640, 360), (36, 64)])
def test_pictures_are_small_and_keep_their_shape(height: int, width: int):
    whole = full_analysis()
    frames = np.zeros((4, height, width, 3), np.uint8)
    (still, *_) = stills(replace(whole, clip=replace(whole.clip, frames=frames)))
    data = base64.b64decode(still.picture.removeprefix("data:image/jpeg;base64,"))
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    assert max(picture.size) == min(STILL_SIDE, max(height, width))
    assert picture.size[0] / picture.size[1] == pytest.approx(width / height)
    assert (still.width, still.height) == (width, height)


def test_of_very_many_frames_some_are_shown_evenly():
    whole, count = full_analysis(), 200
    clip = replace(
        whole.clip,
        frames=np.zeros((count, 36, 64, 3), np.uint8),
        times_s=np.arange(count) * 0.02,
    )
    screen = replace(whole.readings.screen, lines=None, parts=None)
    many = replace(whole, clip=clip, readings=replace(whole.readings, screen=screen))
    numbers = [still.number for still in stills(many)]
    assert len(numbers) == STILLS
    assert (numbers[0], numbers[-1]) == (1, count)
    assert set(np.diff(numbers)) <= {3, 4}
    assert f"{STILLS} of {count}, evenly chosen." in shown(many)


def test_of_very_many_faces_some_are_named():
    whole = full_analysis()
    found = whole.readings.faces.faces
    assert found
    readings = replace(whole.readings, faces=FaceReading(OK, found[:1] * 20, OK))
    crowd = replace(whole, readings=readings)
    (still,) = [still for still in stills(crowd) if still.faces]
    assert (len(still.faces), still.more) == (20, 20 - LISTED)
    assert f"F{LISTED} face and {20 - LISTED} more" in shown(crowd)


def test_a_frame_leads_to_its_moment():
    (link,) = Page(report.to_html(full_analysis())).all(
        "a", **{"aria-label": "Frame 3 at 0:02, go there in the video"}
    )
    assert link["href"] == "#t=2.000"
