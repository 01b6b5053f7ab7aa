"""What the end-to-end model learns from: tables of labels, clips read once, and both commands."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import videos
from tests.clips import portrait
from tests.miniatures import Hub
from vemoclap.cli import main
from vemoclap.engines import roles
from vemoclap.errors import DataError, MediaError
from vemoclap.media import stream as reels
from vemoclap.mer import data, prepare
from vemoclap.mer.inputs import Shape
from vemoclap.mer.model import LABELS
from vemoclap.records import SAMPLE_RATE, Span
from vemoclap.training.records import Split
from vemoclap.weights import cache

PRESET = roles.EMBEDDED
SHAPE = Shape()
SUBTITLES = """1
00:00:00,200 --> 00:00:01,800
good morning

2
00:00:02,200 --> 00:00:03,800
happy house
"""


def write(path: Path, columns: Sequence[str], *rows: Sequence[object]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not looked at")
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 4 s with a face in the first half, a tone in the second, and subtitles."""
    folder = tmp_path_factory.mktemp("film")
    Image.fromarray(portrait()).save(folder / "face.png")
    (folder / "said.srt").write_text(SUBTITLES, "utf-8")
    return videos.make(
        folder / "film.mkv",
        *("-loop", "1", "-framerate", "10", "-t", "2", "-i", str(folder / "face.png")),
        *videos.lavfi("color=gray:size=640x360:rate=10:duration=2"),
        *videos.lavfi("aevalsrc=0.5*sin(2*PI*440*t)*gte(t\\,2):duration=4:sample_rate=16000"),
        *("-i", str(folder / "said.srt"), "-filter_complex", "[0:v][1:v]concat=n=2:v=1[v]"),
        *("-map", "[v]", "-map", "2:a", "-map", "3:s", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-c:s", "srt"),
    )


# -- tables -----------------------------------------------------------------------------------


def test_a_table_of_clips_spans_and_labels(tmp_path: Path):
    touch(tmp_path / "a.mp4")
    touch(tmp_path / "b.mp4")
    columns = ("path", "start_s", "end_s", "text", "split", *LABELS)
    table = write(
        tmp_path / "mine.csv",
        columns,
        ("a.mp4", 0, 2.5, "so it is", "train", 0, 0.33, 0, 3, 0, 0),
        ("a.mp4", 2.5, 4, "", "TRAIN", 0, 0, 0, 0, 0, 0),
        ("b.mp4", "", "", "well", "dev", 1, 0, 0, "", 0, 0),
    )
    found = data.read(table)
    assert (found.note, found.labels, found.troubles) == ("mine", LABELS, ())
    first, second, third = found.pieces
    assert first.id == "a.mp4@0-2.5"
    assert first.span == Span(0, 2.5)
    assert first.present == (False, True, False, True, False, False)
    assert (first.words, second.words, third.words) == ("so it is", None, "well")
    assert (first.split, third.split, third.span) == (Split.TRAIN, Split.VAL, None)


def test_a_table_may_have_labels_of_its_own(tmp_path: Path):
    touch(tmp_path / "a.mp4")
    table = write(tmp_path / "t.csv", ("path", "text", "bored", "awed"), ("a.mp4", "hm", 2, 0))
    found = data.read(table)
    assert found.labels == ("bored", "awed")
    assert found.pieces[0].present == (True, False)


def test_a_folder_of_cut_clips_as_cmu_mosei_has_them(tmp_path: Path):
    for name in ("xyz/0.mp4", "xyz/1.mp4", "abc/0.mp4"):
        touch(tmp_path / "Raw" / name)
    names = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")
    write(
        tmp_path / "labels.csv",
        ("Input.VIDEO_ID", "Input.CLIP", *(f"Answer.{name}" for name in names)),
        ("xyz", 0, 0, 0, 0, 0, 0, 0),
        ("xyz", 0, 0, 2, 0, 0, 0, 0),  # another annotator of the same
        ("xyz", 1, 1, 0, 0, 0, 0, 0),
        ("abc", 0, 0, 0, 0, 0, 0, 1),
    )
    write(tmp_path / "splits.csv", ("video", "split"), ("xyz", "test"), ("abc", "valid"))
    found = data.read(tmp_path)
    assert [one.id for one in found.pieces] == ["abc/0", "xyz/0", "xyz/1"]
    assert [one.split for one in found.pieces] == [Split.VAL, Split.TEST, Split.TEST]
    assert found.pieces[1].present == (False, True, False, False, False, False)
    assert found.pieces[2].path == tmp_path / "Raw" / "xyz" / "1.mp4"
    assert found.pieces[2].span is None


def test_a_folder_of_whole_videos_with_intervals(tmp_path: Path):
    touch(tmp_path / "Raw" / "xyz.mp4")
    columns = ("video", "clip", "start_s", "end_s", *LABELS)
    zeros = (0,) * 6
    write(
        tmp_path / "labels.csv",
        columns,
        ("xyz", 0, 1.5, 3, *zeros),
        ("xyz", 1, "", "", *zeros),
    )
    found = data.read(tmp_path)
    assert [(one.id, one.span) for one in found.pieces] == [("xyz/0@1.5-3", Span(1.5, 3))]
    assert "xyz.mp4 is the whole video, and start_s and end_s do not say where" in found.troubles[0]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("gone.mp4", 0, 1, "train", 0), "gone.mp4 is not there"),
        (("a.mp4", 2, 1, "train", 0), "no stretch of time"),
        (("a.mp4", "x", 1, "train", 0), "not in seconds"),
        (("a.mp4", 0, "nan", "train", 0), "no stretch of time"),
        (("a.mp4", 0, 1, "holdout", 0), "'holdout' is none of"),
        (("a.mp4", 0, 1, "train", "yes"), "bored is 'yes'"),
        (("a.mp4", 0, 1, "train", -1), "bored is '-1'"),
        (("a.mp4", 0, 1, "train", "inf"), "bored is 'inf'"),
    ],
)
def test_a_row_of_no_use_is_left_out_and_named(tmp_path: Path, row, why: str):
    touch(tmp_path / "a.mp4")
    columns = ("path", "start_s", "end_s", "split", "bored")
    found = data.read(write(tmp_path / "t.csv", columns, ("a.mp4", 0, 9, "train", 1), row))
    assert len(found.pieces) == 1
    assert len(found.troubles) == 1
    assert found.troubles[0].startswith("t.csv, line 3: ")
    assert why in found.troubles[0]


def test_a_table_that_is_none_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(DataError, match="needs path, or video and clip"):
        data.read(write(tmp_path / "a.csv", ("name", "happy")))
    with pytest.raises(DataError, match="has no column sad"):
        data.read(write(tmp_path / "b.csv", ("path", "happy")))
    with pytest.raises(DataError, match="lists no clip that is there"):
        data.read(write(tmp_path / "c.csv", ("path", "bored"), ("gone.mp4", 1)))
    (tmp_path / "d.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        data.read(tmp_path / "d.csv")
    with pytest.raises(DataError, match="holds 4 CSV files"):
        data.read(tmp_path)


def test_without_splits_all_of_one_video_stay_together_and_for_good(tmp_path: Path):
    rows = []
    for index in range(60):
        touch(tmp_path / f"{index}.mp4")
        rows += [(f"{index}.mp4", 0, 1, 1), (f"{index}.mp4", 1, 2, 1)]
    columns = ("path", "start_s", "end_s", "bored")
    pieces = data.read(write(tmp_path / "t.csv", columns, *rows)).pieces
    by_source: dict[str, set[Split]] = {}
    for one in pieces:
        by_source.setdefault(one.source, set()).add(one.split)
    assert all(len(splits) == 1 for splits in by_source.values())
    counts = {split: sum(splits == {split} for splits in by_source.values()) for split in Split}
    assert 30 <= counts[Split.TRAIN] <= 52
    assert min(counts.values()) >= 2
    fewer = data.read(write(tmp_path / "t.csv", columns, *rows[:80])).pieces
    assert {one.id: one.split for one in fewer}.items() <= {
        one.id: one.split for one in pieces
    }.items()


def test_where_nothing_validates_some_training_videos_do(tmp_path: Path):
    rows = [(touch(tmp_path / f"{i}.mp4").name, "train", 1) for i in range(20)]
    rows.append((touch(tmp_path / "t.mp4").name, "test", 1))
    pieces = data.read(write(tmp_path / "t.csv", ("path", "split", "bored"), *rows)).pieces
    counts = [sum(one.split is split for one in pieces) for split in Split]
    assert counts == [18, 2, 1]


# -- clips ------------------------------------------------------------------------------------


def collection(film: Path, tmp_path: Path) -> data.Collection:
    (tmp_path / "film.mkv").write_bytes(film.read_bytes())
    (tmp_path / "torn.mp4").write_bytes(film.read_bytes()[:3000])
    columns = ("path", "start_s", "end_s", "text", "split", *LABELS)
    zeros = (0,) * 6
    table = write(
        tmp_path / "t.csv",
        columns,
        ("film.mkv", 0, 2, "these words", "train", *zeros),
        ("film.mkv", 2, 4, "", "train", *zeros),
        ("film.mkv", 3, 99, "", "train", *zeros),  # ends with the video
        ("film.mkv", 50, 60, "", "train", *zeros),
        ("torn.mp4", 0, 1, "x", "train", *zeros),
    )
    return data.read(table)


def test_clips_are_read_once_and_those_that_cannot_be_are_named(
    film: Path, tmp_path: Path, monkeypatch
):
    listed = collection(film, tmp_path)
    told: list[tuple[str, int, int]] = []
    kept = tmp_path / "cache"
    found = prepare.fill(listed, kept, SHAPE, PRESET, progress=lambda *step: told.append(step))
    assert told == [("clips", 0, 2), ("clips", 1, 2), ("clips", 2, 2)]
    assert [one.piece.id for one in found.kept] == [
        "film.mkv@0-2",
        "film.mkv@2-4",
        "film.mkv@3-99",
    ]
    assert found.troubles[0].startswith("film.mkv@50-60 is left out: film.mkv lasts 4.0 s")
    assert found.troubles[1].startswith("torn.mp4@0-1 is left out: torn.mp4")

    face, tone, last = (prepare.load(one.path) for one in found.kept)
    assert face.places.tolist() == [0, 1, 2, 3, 4]
    assert face.faces.shape == (5, 160, 160, 3)
    middle = face.faces[:, 60:100, 60:100].mean(axis=(0, 1, 2))
    assert middle[0] > middle[2] + 20  # skin is more red than blue
    assert tone.places.tolist() == []
    assert len(face.sound) == len(tone.sound) == 2 * SAMPLE_RATE
    assert np.abs(face.sound[:SAMPLE_RATE]).max() < 0.01
    assert np.abs(tone.sound[SAMPLE_RATE:]).max() == pytest.approx(0.5, abs=0.05)
    assert len(last.sound) == SAMPLE_RATE
    # The table's own words, or else those of the file's subtitles while the span lasts.
    assert (face.words, tone.words) == ("these words", "happy house")

    def refuse(path: Path) -> None:
        raise MediaError(f"{path.name} is opened again.")

    monkeypatch.setattr(reels, "open_reel", refuse)
    again = prepare.fill(listed, kept, SHAPE, PRESET)
    assert again.kept == found.kept
    assert "torn.mp4 is opened again" in again.troubles[1]  # perhaps it was mended
    (tmp_path / "film.mkv").touch()
    assert not prepare.fill(listed, kept, SHAPE, PRESET).kept  # it may be another now


def test_a_damaged_file_of_the_cache_is_named(tmp_path: Path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"a\.npz is damaged or gone"):
        prepare.load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", faces=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"b\.npz is damaged or gone"):
        prepare.load(tmp_path / "b.npz")


# -- the commands -----------------------------------------------------------------------------


@pytest.fixture
def home(hub: Hub) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEMOCLAP_HOME", str(hub.home))
        for name in ("inception-resnet", "distilhubert", "albert"):
            assert (hub / name).is_dir()
        yield hub.home


def test_train_and_evaluate_from_a_folder_to_numbers(
    home: Path, film: Path, tmp_path: Path, capsys
):
    raw = tmp_path / "data" / "Raw" / "one"
    raw.mkdir(parents=True)
    rows = []
    for index, split in enumerate(("train", "train", "train", "val", "test")):
        (raw / f"{index}.mkv").write_bytes(film.read_bytes())
        labels = [(index + place) % 2 for place in range(6)]
        rows.append(("one", index, "good house", split, *labels))
    (raw / "5.mkv").write_bytes(b"no video")
    rows.append(("one", 5, "", "train", *(0,) * 6))
    write(tmp_path / "data" / "labels.csv", ("video", "clip", "text", "split", *LABELS), *rows)
    out = tmp_path / "ours"
    options = ["--cache", str(tmp_path / "cache"), "--preset", "embedded", "--device", "cpu"]
    arguments = ["mer", "train", str(tmp_path / "data"), "--out", str(out), "--epochs", "1"]
    assert main.main([*arguments, "--batch", "2", *options]) == 0
    said = capsys.readouterr()
    assert "one/5 is left out: 5.mkv" in said.err
    assert "epoch 1: training loss" in said.err
    assert "| words alone |" in said.out
    assert "one/5" in (out / "left-out.txt").read_text("utf-8")
    judged = ["mer", "evaluate", str(out), str(tmp_path / "data"), "--json", *options]
    assert main.main(judged) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers == json.loads((out / "evaluation" / "evaluation.json").read_text("utf-8"))
    names = [one["name"] for one in numbers["answers"]]
    assert names == ["this model", "with thresholds of 0.5", "the majority", "words alone"]
    assert {"weighted_accuracy", "weighted_f1", "micro_f1", "macro_f1", "accuracy"} <= set(
        numbers["answers"][0]["metrics"]
    )
    assert main.main([*arguments, *options]) == 2
    assert "give --resume" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_the_commands_say_what_is_wrong_in_a_sentence(command: str, tmp_path: Path, capsys):
    gone = str(tmp_path / "gone")
    arguments = {"train": [gone, "--out", gone], "evaluate": [gone, gone]}[command]
    assert main.main(["mer", command, *arguments]) == 2
    told = capsys.readouterr().err
    assert gone in told
    assert {"train": "name a folder or a CSV", "evaluate": "holds no trained model"}[
        command
    ] in told
    assert len(told.splitlines()) == 1


def test_utterances_are_kept_in_the_home_unless_said_otherwise(home: Path):
    assert prepare.folder() == cache.home() / "mer" == home / "mer"
