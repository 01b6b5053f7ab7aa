"""Blacklist, splits, index, description, export and the planted features themselves."""

import csv
import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import planted
from tests.planted import Plan, make
from vemoclap.cli import main
from vemoclap.errors import DataError, MediaError
from vemoclap.records import EMOTIONS
from vemoclap.training import blacklist, mmsa, splits, statistics, video_names
from vemoclap.training import collection as training_collection
from vemoclap.training import feature_store as stores
from vemoclap.training.records import Column, Schema, Split, Video, checked_store

ROOT = Path(__file__).resolve().parents[1]
OURS = ROOT / "ekman_blacklist.txt"
TINY = dict.fromkeys(Plan().dims, 4)
SCHEMA = Schema({"clip": Column("clip/tiny", 2)}, {"image": "clip"})


def text(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def collection(ids, split=None):
    rows = np.ones((1, 2), np.float32)
    return checked_store(
        SCHEMA,
        [
            Video(name, {"clip": rows * number}, EMOTIONS.index(name.partition("/")[0]), split)
            for number, name in enumerate(ids)
        ],
    )


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a b.mp4", ["joy/A b.mp4"]),
        ("a b", ["joy/A b.mp4"]),
        ("A B.MKV", ["joy/A b.mp4"]),
        ("joy/a b", ["joy/A b.mp4"]),
        ("/data/ekman/joy/a b.mp4", ["joy/A b.mp4"]),
        ("data\\joy\\a b.mp4", ["joy/A b.mp4"]),
        ("fear/a b", []),
        ("b", []),
        ("same.mp4", ["fear/same.avi", "joy/same.mp4"]),
        ("fear/same", ["fear/same.avi"]),
        ("v1.2", ["joy/v1.2.mp4"]),
        ("caf\u0065\u0301", ["joy/café.mp4"]),
        ("", []),
        ("/", []),
    ],
)
def test_names_of_others_are_matched(name, found):
    ids = ["joy/A b.mp4", "joy/same.mp4", "fear/same.avi", "joy/v1.2.mp4", "joy/café.mp4"]
    assert list(video_names.Finder(ids).find(name)) == found


# -- blacklist --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("video", "gone"),
    [
        ("joy/JoyRide 2.mp4", True),
        ("joy/epic_joy_ride.avi", True),
        ("joy/Ode to Joy - flashmob.mp4", True),
        ("joy/Joy.mp4", False),
        ("joy/ode to my joy.mp4", False),
        ("fear/Underwater cave.mp4", True),
        ("joy/underwater cave.mp4", False),
        ("fear/9-11 aftermath.mp4", True),
        ("fear/911.mp4", True),
        ("fear/19 11.mp4", False),
        ("fear/counter-terrorism drill.mp4", True),
        ("fear/suspect apprehended.mp4", True),
        ("fear/apprehensive child.mp4", False),
        ("disgust/FLASHING-LIGHTS.webm", True),
        ("disgust/dizzying.mp4", True),
        ("disgust/bored.mp4", True),
        ("anger/most annoying man.mp4", True),
        ("anger/annoyed man.mp4", False),
        ("sadness/pensively.mp4", True),
        ("surprise/distraction.mp4", True),
        ("surprise/astonishing feat.mp4", True),
        ("surprise/astonished boy.mp4", False),
        ("surprise/astonishing", True),
    ],
)
def test_the_papers_keywords_are_rules(video, gone):
    judgement = blacklist.judge(blacklist.read(OURS), {video: video.partition("/")[0]})
    assert judgement.ids == ({video} if gone else set())
    assert judgement.troubles == ()


def test_every_emotion_has_rules_with_reasons():
    found = blacklist.read(OURS)
    assert {rule.emotion for rule in found.rules} == set(EMOTIONS)
    assert not found.named
    lines = OURS.read_text("utf-8").splitlines()
    for rule in found.rules:
        assert rule.reason in lines[rule.line - 1]
        assert not rule.reason.startswith("named ")


def test_a_plain_list_of_names_is_the_same_file(tmp_path):
    path = text(
        tmp_path / "list.txt",
        "# of the authors",
        "a.mp4",
        "fear/b",
        "",
        "Mission: impossible.mp4",
        "#1 fail.mp4",
        "gone.mp4",
        "same.mp4",
    )
    ids = ["joy/a.mp4", "fear/b.mp4", "joy/Mission: impossible.mp4", "joy/#1 fail.mp4"]
    ids += ["joy/same.mp4", "fear/same.mp4", "joy/good.mp4"]
    judgement = blacklist.judge(
        blacklist.read(path), {name: name.partition("/")[0] for name in ids}
    )
    assert judgement.ids == set(ids[:4])
    assert [one.line for one in judgement.removals] == [3, 6, 5, 2]
    assert len(judgement.troubles) == 2
    assert "line 7: gone.mp4 is not among" in judgement.troubles[0]
    assert "line 8: same.mp4 may mean fear/same.mp4 or joy/same.mp4" in judgement.troubles[1]


def test_rules_for_any_emotion_and_without_reason(tmp_path):
    path = text(tmp_path / "list.txt", "ANY : two words", "joy: x#y", "love: z")
    found = blacklist.read(path)
    assert [(rule.emotion, rule.words) for rule in found.rules] == [
        (None, ("two", "words")),
        ("joy", ("x", "y")),
    ]
    assert [one.name for one in found.named] == ["love: z"]
    judgement = blacklist.judge(found, {"fear/Two_Words.mp4": "fear", "x two words.mp4": None})
    assert len(judgement.removals) == 2
    assert judgement.removals[0].reason == "named two words"


@pytest.mark.parametrize("line", ["joy:", "joy: # a reason", "any: - !"])
def test_a_rule_without_words_is_refused(tmp_path, line):
    with pytest.raises(DataError, match="line 2: no words"):
        blacklist.read(text(tmp_path / "list.txt", "# x", line))


def test_a_list_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="not UTF-8"):
        blacklist.read(tmp_path / "list")
    with pytest.raises(DataError, match="cannot be read"):
        blacklist.read(tmp_path / "nothing")


# -- splits -----------------------------------------------------------------------------------


def test_the_paper_protocol_takes_a_tenth_of_training():
    whole = make(Plan(dims=TINY))
    split = splits.paper(whole, seed=0)
    counts = {one: len(split.of(one)) for one in Split}
    assert counts == {Split.TRAIN: 737, Split.VAL: 82, Split.TEST: 818}
    assert {v.id for v in split.of(Split.TEST)} == {v.id for v in whole.of(Split.TEST)}
    per_label = np.bincount([video.label for video in split.of(Split.VAL)])
    assert sorted(per_label) == [13, 13, 14, 14, 14, 14]
    again, other = splits.paper(whole, seed=0), splits.paper(whole, seed=1)
    assert [video.split for video in again.videos] == [video.split for video in split.videos]
    assert [video.split for video in other.videos] != [video.split for video in split.videos]


def test_validation_that_is_given_stays():
    whole = collection([f"joy/{number}" for number in range(30)], Split.TRAIN)
    given = {f"joy/{number}": Split.TRAIN for number in range(20)}
    given |= {"joy/20": Split.VAL, "joy/21": Split.TEST}
    found = splits.paper(whole.with_splits(given))
    assert len(found.videos) == 22
    assert [video.id for video in found.of(Split.VAL)] == ["joy/20"]


def test_without_official_lists_the_paper_protocol_says_so():
    with pytest.raises(DataError, match="--train"):
        splits.paper(collection(["joy/a", "fear/b"]))
    with pytest.raises(DataError, match="split test"):
        splits.paper(collection(["joy/a", "fear/b"], Split.TRAIN))


def test_the_app_protocol_sorts_names_and_leaves_out_the_blacklist():
    ids = [f"{emotion}/{number:03d}.mp4" for emotion in ("joy", "fear") for number in range(40)]
    ids += ["joy/000 joyride.mp4"]
    found = splits.app(collection(ids[::-1]), blacklist.read(OURS))
    assert [video.id for video in found.of(Split.VAL)] == [
        "fear/038.mp4",
        "fear/039.mp4",
        "joy/038.mp4",
        "joy/039.mp4",
    ]
    assert len(found.of(Split.TRAIN)) == 76
    assert "joy/000 joyride.mp4" not in {video.id for video in found.videos}
    assert len(splits.app(collection(ids)).videos) == 81


def test_the_app_protocol_needs_videos():
    with pytest.raises(DataError, match="No labelled videos"):
        splits.app(collection(["joy/joyride.mp4"]), blacklist.read(OURS))


def test_official_lists(tmp_path):
    ids = frozenset(["joy/a.mp4", "joy/b.mp4", "fear/b.mp4"])
    train = text(tmp_path / "train.txt", "a.mp4", "missing", "b")
    test = text(tmp_path / "test.txt", "fear/b.mp4")
    given = splits.given(ids, {Split.TRAIN: train, Split.TEST: test})
    assert given.splits == {"joy/a.mp4": Split.TRAIN, "fear/b.mp4": Split.TEST}
    assert len(given.troubles) == 2
    text(test, "joy/a")
    with pytest.raises(DataError, match=r"joy/a\.mp4 is in the list of train too"):
        splits.given(ids, {Split.TRAIN: train, Split.TEST: test})


# -- index ------------------------------------------------------------------------------------


@pytest.fixture
def videos(tmp_path):
    """Return a folder of files, told apart by their bytes, that are no videos."""
    folder = tmp_path / "videos"
    for number, name in enumerate(
        ("Joy/a.mp4", "joy/b.AVI", "fear/b.mp4", "fear/c.mp4", "fear/deep/d.mp4")
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number] * 10))
    return folder


def test_a_folder_of_emotions_is_an_index(videos):
    found = training_collection.of_folder(videos)
    assert [entry.id for entry in found.entries] == [
        "fear/b.mp4",
        "fear/c.mp4",
        "fear/d.mp4",
        "joy/a.mp4",
        "joy/b.AVI",
    ]
    assert len(found.troubles) == 1
    assert "fear/b.mp4, joy/b.AVI: the same name" in found.troubles[0]


def test_what_is_strange_is_reported_and_left_out(videos):
    shutil.copy(videos / "fear/c.mp4", videos / "fear/copy.mp4")
    shutil.copy(videos / "fear/c.mp4", videos / "fear/deep/c.mp4")
    (videos / "fear/notes.txt").write_text("x")
    (videos / "stray.mp4").write_bytes(b"x")
    (videos / "love").mkdir()
    (videos / "love/e.mp4").write_bytes(b"y")
    (videos / "joy/fear").mkdir(parents=True, exist_ok=True)
    (videos / "joy/fear/f.mp4").write_bytes(b"z")
    (videos / ".hidden.mp4").write_bytes(b"h")
    found = training_collection.of_folder(videos)
    ids = {entry.id for entry in found.entries}
    assert ids == {"fear/b.mp4", "fear/copy.mp4", "fear/d.mp4", "joy/a.mp4", "joy/b.AVI"}
    told = "\n".join(found.troubles)
    assert "notes.txt: no video by its name" in told
    assert "stray.mp4: in no folder of an emotion" in told
    assert "e.mp4: in no folder of an emotion" in told
    assert "f.mp4: in folders of several emotions" in told
    assert "fear/c.mp4 is the name of several videos" in told
    assert "hidden" not in told


def test_copies_are_reported(videos):
    shutil.copy(videos / "fear/c.mp4", videos / "joy/x.mp4")
    assert (
        "fear/c.mp4, joy/x.mp4: copies of one file."
        in training_collection.of_folder(videos).troubles
    )


def test_unreadable_files_are_reported(videos):
    def check(path):
        if path.name == "c.mp4":
            raise MediaError("c.mp4 is empty; choose another file.")

    seen = []
    found = training_collection.checked(
        training_collection.of_folder(videos),
        check,
        lambda stage, done, total: seen.append((done, total)),
    )
    assert "fear/c.mp4" not in found.labels
    assert any("c.mp4 is left out: c.mp4 is empty" in one for one in found.troubles)
    assert seen[-1] == (5, 5)


def test_real_videos_pass_and_others_do_not(videos):
    shutil.copy(ROOT / "samples/launch.mp4", videos / "joy/launch.mp4")
    found = training_collection.checked(training_collection.of_folder(videos))
    assert [entry.id for entry in found.entries] == ["joy/launch.mp4"]
    assert sum("is left out" in one for one in found.troubles) == 5


def test_an_index_survives_its_csv(videos, tmp_path):
    path = tmp_path / "lists" / "index.csv"
    lists = {
        Split.TRAIN: text(tmp_path / "train", "a", "joy/b", "fear/b"),
        Split.TEST: text(tmp_path / "test", "fear/d.mp4"),
    }
    found = training_collection.with_lists(training_collection.of_folder(videos), lists)
    assert any("c.mp4: in none of the lists" in one for one in found.troubles)
    training_collection.write(found, path)
    again = training_collection.of_csv(path)
    assert [(e.id, e.label, e.split, e.path.resolve()) for e in again.entries] == [
        (e.id, e.label, e.split, e.path.resolve()) for e in found.entries
    ]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["name,label", "a,joy"], "needs path and label"),
        (["path,label", "videos/Joy/a.mp4,love"], "line 2: love is none of"),
        (["path,label,split", "videos/Joy/a.mp4,joy,dev"], "the split dev"),
        (["path,label", "nothing.mp4,joy"], "no video that is there"),
        ([""], "needs path and label"),
    ],
)
def test_a_wrong_csv_is_refused(videos, tmp_path, lines, word):
    with pytest.raises(DataError, match=word):
        training_collection.of_csv(text(tmp_path / "index.csv", *lines))


def test_a_csv_may_name_videos_without_label(videos, tmp_path):
    path = text(tmp_path / "i.csv", "label,path", ",videos/Joy/a.mp4", "Joy,videos/fear/b.mp4")
    assert training_collection.of_csv(path).labels == {"a.mp4": None, "joy/b.mp4": "joy"}


def test_folders_without_videos_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no videos"):
        training_collection.of_folder(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        training_collection.of_folder(tmp_path / "nothing")


# -- description ------------------------------------------------------------------------------


def test_a_description_counts():
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    whole = checked_store(
        SCHEMA,
        [
            Video("joy/a", {"clip": rows}, 3, Split.TRAIN),
            Video("joy/b", {"clip": rows}, 3, Split.TEST),
            Video("fear/c", {"clip": rows[:1]}, 2, Split.TRAIN),
            Video("d", {"clip": None}),
            Video("e", {"clip": None}),
        ],
    )
    found = statistics.describe(whole)
    assert found.videos == 5
    assert found.counts["joy"] == {"train": 1, "val": 0, "test": 1, "none": 0}
    assert found.counts["none"]["none"] == 2
    assert found.duplicates == (("joy/a", "joy/b"),)
    assert found.empty == ("d", "e")
    clip = found.features["clip"]
    assert clip.missing == 2
    assert (clip.lengths.shortest, clip.lengths.median, clip.lengths.longest) == (1, 4, 4)
    assert (clip.statistics.minimum, clip.statistics.maximum) == (0, 7)


# -- MMSA -------------------------------------------------------------------------------------


def test_the_layout_of_mmsa(tmp_path):
    whole = splits.paper(make(Plan(train=60, test=30)))
    mmsa.write(whole, tmp_path / "m.pkl", length=10)
    found = pickle.loads((tmp_path / "m.pkl").read_bytes())
    assert list(found) == ["train", "valid", "test"]
    assert [len(part["id"]) for part in found.values()] == [54, 6, 30]
    part = found["train"]
    assert part["text"].shape == (54, 2, 768)
    assert part["audio"].shape == (54, 10, 768)
    assert part["vision"].shape == (54, 10, 512)
    by_id = {video.id: video for video in whole.videos}
    for place, name in enumerate(part["id"]):
        video = by_id[name]
        assert part["classification_labels"][place] == video.label
        assert part["regression_labels"][place] == video.label
        assert part["annotations"][place] == EMOTIONS[video.label]
        beats = video.features["beats"]
        kept = part["audio_lengths"][place]
        assert kept == (1 if beats is None else min(10, len(beats)))
        assert not part["audio"][place, kept:].any()
        if beats is not None:
            assert np.array_equal(part["audio"][place, 0], beats[0])
            assert np.array_equal(part["audio"][place, kept - 1], beats[-1])
        for row, feature in enumerate(("asr_sentiment", "ocr_sentiment")):
            values = video.features[feature]
            expected = np.zeros(768) if values is None else values[0]
            assert np.array_equal(part["text"][place, row], expected)


def test_mmsa_needs_all_splits():
    with pytest.raises(DataError, match="split val"):
        mmsa.layout(make(Plan(train=6, test=6)))
    with pytest.raises(DataError, match="lack asr_sentiment"):
        mmsa.layout(collection(["joy/a"]))


# -- the planted features ---------------------------------------------------------------------


def test_planted_features_are_of_the_published_shapes_and_rates():
    whole = make()
    assert [len(whole.of(one)) for one in (Split.TRAIN, Split.TEST)] == [819, 818]
    found = statistics.describe(whole)
    for name, dim in (("beats", 768), ("clip", 512), ("face_emotion", 768)):
        assert found.features[name].dim == dim
        assert found.features[name].lengths.longest > 16
    for name, share in planted.MISSING.items():
        assert found.features[name].missing / 1637 == pytest.approx(share, abs=0.05)
    counts = [sum(found.counts[emotion].values()) for emotion in EMOTIONS]
    assert max(counts) - min(counts) <= 2
    assert not found.duplicates


def test_the_same_seed_plants_the_same():
    one, other = make(Plan(train=9, test=9, dims=TINY)), make(Plan(train=9, test=9, dims=TINY))
    for a, b in zip(one.videos, other.videos, strict=True):
        assert (a.id, a.label) == (b.id, b.label)
        assert a.features["clip"].tobytes() == b.features["clip"].tobytes()
    third = make(Plan(seed=1, train=9, test=9, dims=TINY))
    assert not np.array_equal(one.videos[0].features["clip"], third.videos[0].features["clip"])


def nearest(train, test, view):
    """Return how often the nearest mean of the training views names the label of a test video."""
    labels = np.array([video.label for video in train])
    views = np.stack([view(video) for video in train])
    means = np.stack([views[labels == label].mean(0) for label in np.unique(labels)])
    hits = [
        np.unique(labels)[np.linalg.norm(means - view(video), axis=1).argmin()] == video.label
        for video in test
    ]
    return np.mean(hits)


def pooled(*sequences):
    """Return what sees the mean of each sequence."""

    def view(video):
        rows = (video.features[name] for name in sequences)
        return np.concatenate([one.mean(0) for one in rows])

    return view


def test_a_planted_modality_shows_the_label_and_no_other_does():
    plan = Plan(single={"face_emotion": 0.5}, missing={}, train=300, test=300)
    whole = make(plan)
    train, test = whole.of(Split.TRAIN), whole.of(Split.TEST)
    assert nearest(train, test, pooled("face_emotion")) > 0.95
    for other in ("beats", "clip", "asr_sentiment", "ocr_sentiment"):
        assert nearest(train, test, pooled(other)) < 0.3


def spread(name):
    """Return what sees how the rows of a sequence vary together, but not their mean."""
    return lambda video: np.corrcoef(video.features[name], rowvar=False).ravel()


def together(train, *sequences):
    """Return what sees whether two sequences vary alike, as far as each differs from usual."""
    usual = [np.mean([spread(name)(video) for video in train], axis=0) for name in sequences]

    def view(video):
        odd = [spread(name)(video) - mean for name, mean in zip(sequences, usual, strict=True)]
        return np.outer(*odd).ravel()

    return view


def test_agreement_shows_only_where_both_sequences_are_seen_together():
    plan = Plan(
        single={},
        agreement=("beats", "clip"),
        labels=("joy", "sadness"),
        missing={},
        train=400,
        test=400,
        dims=dict.fromkeys(TINY, 8),
    )
    whole = make(plan)
    train, test = whole.of(Split.TRAIN), whole.of(Split.TEST)
    assert nearest(train, test, together(train, "beats", "clip")) > 0.95
    for blind in (("beats",), ("clip",), ("beats", "clip")):
        assert nearest(train, test, pooled(*blind)) < 0.6
    for name in ("beats", "clip"):
        assert nearest(train, test, spread(name)) < 0.6


def test_agreement_leaves_the_mean_of_a_sequence_as_it_was():
    plan = Plan(
        single={}, agreement=("beats", "clip"), missing={}, train=200, test=0, seconds=(30, 30)
    )
    quiet = make(replace(plan, strength=0.0))
    for one, other in zip(make(plan).videos, quiet.videos, strict=True):
        means = [video.features["clip"].mean(0) for video in (one, other)]
        middles = (-11.513216 + 5.377771) / 2
        # Codes widen the values, which are fitted into the published range.
        factor = (planted.DEVIATIONS + 2 * plan.strength) / planted.DEVIATIONS
        assert np.allclose((means[0] - middles) * factor, means[1] - middles, atol=1e-3)


def test_problem_videos_bear_names_that_the_blacklist_knows():
    whole = make(Plan(problems=0.2, train=100, test=100, dims=TINY))
    gone = blacklist.judge(
        blacklist.read(OURS), {video.id: whole.label_of(video) for video in whole.videos}
    ).ids
    assert gone == {video.id for video in whole.videos if "video " not in video.id}
    assert 20 <= len(gone) <= 60


# -- the command ------------------------------------------------------------------------------


def test_a_released_file_goes_through_the_commands(tmp_path, capsys):
    file, folder = tmp_path / "features.pkl", tmp_path / "store"
    planted.main(["--pickle", str(file), "--videos", "60", "--problems", "0.3"])
    ids = [video.id for video in make(Plan(train=30, test=30, problems=0.3)).videos]
    train = text(tmp_path / "train.txt", *ids[::2])
    test = text(tmp_path / "test.txt", *ids[1::2], "gone.mp4")
    capsys.readouterr()
    lists = ["--train", str(train), "--test", str(test)]
    assert main.main(["features", "import", str(file), "--out", str(folder), *lists]) == 0
    said = capsys.readouterr()
    assert "agree" in said.out
    assert "60 videos" in said.out
    assert "gone.mp4 is not among" in said.err
    assert (folder / "statistics.json").exists()
    assert main.main(["features", "import", str(file), "--out", str(folder)]) == 2
    assert "already" in capsys.readouterr().err

    assert main.main(["features", "describe", str(folder)]) == 0
    table = capsys.readouterr().out
    assert all(emotion in table for emotion in EMOTIONS)
    assert main.main(["features", "describe", str(folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["videos"] == 60
    assert sum(sum(one.values()) for one in content["counts"].values()) == 60

    both = ["features", "describe", str(folder), "--blacklist", str(OURS)]
    assert main.main(both) == 0
    assert "left out" in capsys.readouterr().out
    assert main.main([*both, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    listed = ["features", "blacklist", str(OURS), str(folder)]
    assert main.main([*listed, "--json"]) == 0
    removals = json.loads(capsys.readouterr().out)["removals"]
    assert content["before"]["videos"] - content["after"]["videos"] == len(removals) > 0
    assert main.main(listed) == 0
    assert f"{len(removals)} of 60 videos would be left out." in capsys.readouterr().out

    out = tmp_path / "mmsa.pkl"
    assert main.main(["features", "export", str(folder), "--out", str(out)]) == 0
    assert sum(len(part["id"]) for part in pickle.loads(out.read_bytes()).values()) == 60


def test_the_commands_know_folders_and_lists_of_videos(videos, tmp_path, capsys):
    (videos / "fear/underwater.mp4").write_bytes(b"u")
    out = tmp_path / "index.csv"
    assert main.main(["features", "index", str(videos), "--quick", "--out", str(out)]) == 0
    assert "6 videos, 1 remarks." in capsys.readouterr().out
    with out.open() as file:
        assert len(list(csv.DictReader(file))) == 6
    for place in (videos, out):
        assert main.main(["features", "blacklist", str(OURS), str(place)]) == 0
        assert "fear/underwater.mp4" in capsys.readouterr().out
    assert main.main(["features", "index", str(out)]) == 0
    assert "0 videos" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "nothing.pkl", "--out", "x"],
        ["describe", "nothing"],
        ["blacklist", "nothing", "nothing"],
        ["index", "nothing"],
        ["export", "nothing", "--out", "x"],
    ],
)
def test_what_is_not_there_is_bad_input(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert main.main(["features", *arguments]) == 2
    assert "nothing" in capsys.readouterr().err


def test_the_generator_writes_stores(tmp_path, capsys):
    planted.main([str(tmp_path / "s"), "--videos", "12", "--agreement", "clip,beats"])
    assert len(stores.read(tmp_path / "s").videos) == 12
    for wrong in ([], ["--agreement", "clip,ocr_sentiment", "x"], ["x", "--single", "smell=1"]):
        with pytest.raises(SystemExit):
            planted.main(wrong)
