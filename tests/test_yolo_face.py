"""The face detector of the paper, on a miniature in the published layout."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.hub import pictures
from tests.miniatures import TRAPS, Hub, Trap, frames
from vemoclap.engines import yolo_face
from vemoclap.errors import EngineError, WeightsError

pytestmark = pytest.mark.usefixtures("miniatures")


def test_faces_are_inside_the_frame_and_largest_first():
    found = yolo_face.load("cpu")(frames())
    assert len(found) == 3
    for faces in found:
        sides = {(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in faces}
        assert sides == {
            (0, 0, 176, 132),
            (528, 0, 640, 132),
            (0, 292, 176, 360),
            (528, 292, 640, 360),
        }
        areas = [face.box.area for face in faces]
        assert areas == sorted(areas, reverse=True)
        assert all(face.confidence == pytest.approx(0.895, abs=0.01) for face in faces)


@pytest.mark.parametrize("shape", [(640, 360), (361, 641), (2, 2), (360, 20)])
def test_faces_are_found_in_frames_of_any_shape(shape: tuple[int, int]):
    (faces,) = yolo_face.load("cpu")(frames(1, *shape))
    assert faces
    for face in faces:
        assert 0 <= face.box.left < face.box.right <= shape[1]
        assert 0 <= face.box.top < face.box.bottom <= shape[0]


def test_no_frames_have_no_faces():
    assert yolo_face.load("cpu")(frames(0)) == []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Collect what the detector's network is fed."""
    pictures.quiet_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    inputs: list[torch.Tensor] = []
    forward = DetectionModel.forward

    def watch(self, x, *args, **kwargs):
        inputs.append(x.clone())
        return forward(self, x, *args, **kwargs)

    monkeypatch.setattr(DetectionModel, "forward", watch)
    return inputs


def test_the_detector_sees_red_as_red(watched: list[torch.Tensor]):
    red = np.zeros((2, 360, 640, 3), np.uint8)
    red[..., 0] = 255
    yolo_face.load("cpu")(red)
    middle = watched[-1][0, :, 192, 320]
    assert middle.tolist() == pytest.approx([1, 0, 0])


def test_all_frames_go_through_the_detector_at_once_640_wide(watched: list[torch.Tensor]):
    yolo_face.load("cpu")(frames(5, 180, 320))
    assert [tuple(each.shape) for each in watched] == [(5, 3, 384, 640)]


def test_faces_below_the_thresholds_go(monkeypatch: pytest.MonkeyPatch):
    detect = yolo_face.load("cpu")
    from ultralytics.nn.tasks import DetectionModel

    # Middle x, middle y, width, height, confidence, in the 640 x 384 picture of a 640 x 360
    # frame: 12 rows above it and 12 below.
    answers = [
        (200, 112, 100, 100, 0.90),  # the best
        (233, 112, 100, 100, 0.80),  # overlaps it by 67 / 133 = 0.504
        (200, 146, 100, 100, 0.70),  # overlaps it by 66 / 134 = 0.493
        (400, 200, 80, 80, 0.59),  # too uncertain
        (400, 300, 80, 80, 0.61),
        (10, 20, 40, 40, 0.95),  # half outside the frame
        (700, 200, 40, 40, 0.99),  # wholly outside; and six rows would be read as another layout
    ]
    table = torch.tensor(answers, dtype=torch.float32).T[None]  # (1, 5, boxes)
    monkeypatch.setattr(DetectionModel, "forward", lambda self, x, *a, **k: (table, None))
    (faces,) = detect(frames(1))
    kept = [
        tuple(round(side) for side in (f.box.left, f.box.top, f.box.right, f.box.bottom))
        for f in faces
    ]
    assert kept == [(150, 50, 250, 150), (150, 84, 250, 184), (360, 248, 440, 328), (0, 0, 30, 28)]
    assert [round(f.confidence, 2) for f in faces] == [0.9, 0.7, 0.61, 0.95]


@pytest.mark.parametrize("trap", TRAPS)
def test_a_detector_that_asks_for_code_to_be_run_is_refused(trap: str, broken: Path):
    marker = broken / "trapped"
    TRAPS[trap](broken / "model.pt", marker)
    with pytest.raises(WeightsError, match="asks for code"):
        yolo_face.load("cpu")
    assert not marker.exists()


@pytest.mark.parametrize("trap", ["bare", "model", "tensor", "old"])
def test_the_traps_work_where_nobody_looks(trap: str, tmp_path: Path):
    TRAPS[trap](tmp_path / "model.pt", tmp_path / "trapped")
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert (tmp_path / "trapped").exists()


def test_code_hidden_in_a_real_detector_is_refused(hub: Hub, broken: Path):
    real = torch.load(hub / "yolo-face" / "model.pt", weights_only=False)
    real["train_args"]["data"] = Trap(broken / "trapped")
    torch.save(real, broken / "model.pt")
    with pytest.raises(WeightsError, match="asks for code"):
        yolo_face.load("cpu")
    assert not (broken / "trapped").exists()


def test_without_safe_loading_no_detector_is_opened(
    broken: Path, watched: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
):
    TRAPS["model"](broken / "model.pt", broken / "trapped")
    monkeypatch.setattr("ultralytics.utils.SAFE_LOAD", False)
    with pytest.raises(EngineError, match="could run code"):
        yolo_face.load("cpu")
    assert not (broken / "trapped").exists()


def test_a_file_that_is_no_detector_is_refused(broken: Path):
    torch.save({"model": torch.nn.Linear(2, 2)}, broken / "model.pt")
    with pytest.raises(WeightsError, match="no detector"):
        yolo_face.load("cpu")


def test_the_detector_leaves_the_process_as_it_was():
    import cv2

    before = torch.get_num_threads(), cv2.getNumThreads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    try:
        yolo_face.load("cpu")(frames(1))
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)
        assert os.environ.get("OMP_NUM_THREADS") == before[2]
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@pytest.mark.gpu
def test_half_precision_finds_the_same_faces():
    found = zip(yolo_face.load("cpu")(frames()), yolo_face.load("cuda")(frames()), strict=True)
    for one, other in found:
        assert [round(f.box.area) for f in one] == [round(f.box.area) for f in other]
