"""The released features: all of the layout is read, and nothing that a pickle hides is run."""

import pickle
import pickletools
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.planted import Plan, make, write_pickle
from vemoclap.classifier.model import RELEASED
from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS
from vemoclap.training import released_features


def written(path: Path, content, protocol=4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def one_hot(index, count=6):
    return np.eye(count, dtype=np.float32)[index]


def content(**samples):
    """Return a small file of the layout; samples are name -> (label, features)."""
    return {
        "samples": {
            name: {"features": features, "label": one_hot(label)}
            for name, (label, features) in samples.items()
        },
        "stats": {},
        "idx_to_label": dict(enumerate(EMOTIONS)),
    }


def rows(count=3, dim=512, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


# -- the layout -------------------------------------------------------------------------------


def test_planted_features_come_back_whole(tmp_path):
    planted = make(Plan(train=24, test=24))
    path = tmp_path / "features.pkl"
    write_pickle(planted, path)
    found = released_features.read(path)
    assert found.differences == ()
    assert [video.id for video in found.store.videos] == [video.id for video in planted.videos]
    assert found.store.schema.columns == planted.schema.columns
    assert found.store.schema.engines == RELEASED.engines
    for one, other in zip(planted.videos, found.store.videos, strict=True):
        assert one.label == other.label
        for name, values in one.features.items():
            if values is None:
                assert other.features[name] is None
            else:
                assert np.array_equal(values, other.features[name])
                assert other.features[name].dtype == np.float32


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle_is_read(tmp_path, protocol):
    values = {"clip": rows().T.copy().T, "beats": [], "asr_sentiment": rows(1, 768)[0]}
    path = written(tmp_path / "f.pkl", content(**{"a.mp4": (3, values)}), protocol)
    (video,) = released_features.read(path).store.videos
    assert np.array_equal(video.features["clip"], rows())
    assert video.features["beats"] is None
    assert video.features["asr_sentiment"].shape == (1, 768)
    assert video.features["ocr_sentiment"] is None


@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_both_homes_of_numpys_functions_are_known(tmp_path, core):
    data = pickle.dumps({"a": rows(2, 3)}, 2)
    other = data.replace(b"numpy._core", core).replace(b"numpy.core", core)
    (tmp_path / "f.pkl").write_bytes(other)
    assert core in other
    assert np.array_equal(released_features.load(tmp_path / "f.pkl")["a"].value(), rows(2, 3))


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3)),
        np.zeros((0, 3)),
        np.array(["x", "yy"]),
        np.array([True, False]),
        np.array(2.5),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_numbers_and_text_are_read_as_they_are(tmp_path, value, protocol):
    found = released_features.load(written(tmp_path / "f.pkl", value, protocol))
    assert found.dtype == value.dtype
    assert np.array_equal(found, value)


def test_paths_become_ids_and_clashes_keep_theirs(tmp_path):
    features = {"clip": rows()}
    path = written(
        tmp_path / "f.pkl",
        content(
            **{
                "data/train/Joy/a b.mp4": (3, features),
                "C:\\videos\\fear.mp4": (2, features),
                "one/c.mp4": (0, features),
                "two/c.mp4": (0, features),
            }
        ),
    )
    ids = {video.id: video.label for video in released_features.read(path).store.videos}
    assert ids == {"joy/a b.mp4": 3, "fear/fear.mp4": 2, "one/c.mp4": 0, "two/c.mp4": 0}


def test_labels_follow_the_files_own_order(tmp_path):
    made = content(a=(0, {"clip": rows()}), b=(5, {"clip": rows()}))
    made["idx_to_label"] = {np.int64(i): name.title() for i, name in enumerate(EMOTIONS[::-1])}
    store = released_features.read(written(tmp_path / "f.pkl", made)).store
    assert store.schema.labels == EMOTIONS
    assert {video.id for video in store.videos} == {"surprise/a", "anger/b"}


def test_another_label_set_is_kept(tmp_path):
    made = content()
    made["idx_to_label"] = {0: "Trust", 1: "Anticipation"}
    made["samples"] = {"a": {"features": {"clip": rows()}, "label": one_hot(1, 2)}}
    store = released_features.read(written(tmp_path / "f.pkl", made)).store
    assert store.schema.labels == ("trust", "anticipation")
    assert store.videos[0].id == "anticipation/a"


@pytest.mark.parametrize("label", [2, np.int64(2), "Fear", [0, 0, 1, 0, 0, 0]])
def test_labels_in_other_forms(tmp_path, label):
    made = content(a=(0, {"clip": rows()}))
    made["samples"]["a"]["label"] = label
    assert released_features.read(written(tmp_path / "f.pkl", made)).store.videos[0].label == 2


@pytest.mark.parametrize(
    "label", [None, 6, 1.5, "love", [0, 0, 1, 1, 0, 0], [0.5] * 6, [0] * 6, one_hot(1, 5), {}]
)
def test_a_label_that_cannot_be_read_is_named(tmp_path, label):
    made = content(**{"some.mp4": (0, {"clip": rows()})})
    made["samples"]["some.mp4"]["label"] = label
    with pytest.raises(DataError, match=r"some\.mp4 has a label"):
        released_features.read(written(tmp_path / "f.pkl", made))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.zeros((2, 3, 512), np.float32), r"\(2, 3, 512\)"),
        (np.array([["a"]]), "<U1"),
        ("words", "no feature"),
        (np.zeros((2, 5), np.float32), "512 numbers a row"),
        (np.full((2, 512), np.nan, np.float32), "not finite"),
    ],
)
def test_a_feature_that_cannot_be_used_is_named(tmp_path, values, word):
    path = written(tmp_path / "f.pkl", content(**{"some.mp4": (3, {"clip": values})}))
    with pytest.raises(DataError, match=rf"some\.mp4.*clip.*{word}"):
        released_features.read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"samples": []},
        {"samples": {}, "idx_to_label": {0: "joy"}},
        {"samples": {"a": 3}, "idx_to_label": {0: "joy"}},
        {"samples": {"a": {"features": []}}, "idx_to_label": {0: "joy"}},
        {"samples": {"": {"features": {}, "label": 0}}, "idx_to_label": {0: "joy"}},
        {"samples": {}, "idx_to_label": {1: "joy"}},
        {"samples": {}, "idx_to_label": {"x": "joy"}},
        {"samples": {}, "idx_to_label": {0: "joy", 1: "Joy"}},
        {**content(a=(0, {})), "stats": {"clip": {"min": "x"}}},
        {**content(a=(0, {})), "stats": {"clip": 3}},
    ],
)
def test_other_layouts_are_refused_plainly(tmp_path, wrong):
    with pytest.raises(DataError, match=r"f\.pkl"):
        released_features.read(written(tmp_path / "f.pkl", wrong))


def test_statistics_that_differ_are_reported(tmp_path):
    made = content(a=(0, {"clip": rows()}))
    made["stats"] = {"clip": {"min": np.float32(-1), "max": rows().max(), "mean": 0, "std": 1}}
    found = released_features.read(written(tmp_path / "f.pkl", made))
    assert any("clip: the file says min -1" in one for one in found.differences)
    assert not any("max" in one for one in found.differences)


def test_strange_and_absent_features_are_noted(tmp_path):
    path = written(tmp_path / "f.pkl", content(a=(0, {"clip": rows(), "smell": rows(1, 7)})))
    found = released_features.read(path)
    assert found.store.schema.columns["smell"].space == "unknown/smell"
    assert any(note.startswith("smell: not one of the paper's") for note in found.notes)
    assert any(note.startswith("beats: no video has it") for note in found.notes)


# -- malice -----------------------------------------------------------------------------------


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def gadgets(mark: Path):
    """Return name -> what would leave ``mark`` on the disk if it were unpickled carelessly."""
    import builtins
    import functools
    import importlib
    import operator
    import os
    import runpy
    import subprocess

    code = f"open({str(mark)!r}, 'w')"
    shell = f"touch {mark}"
    return {
        "os.system": Calls(os.system, shell),
        "subprocess": Calls(subprocess.Popen, ["touch", str(mark)]),
        "eval": Calls(builtins.eval, code),
        "exec": Calls(builtins.exec, code),
        "open": Calls(builtins.open, str(mark), "w"),
        "getattr": Calls(builtins.getattr, Calls(importlib.import_module, "os"), "system"),
        "import": Calls(importlib.import_module, "antigravity"),
        "partial": Calls(functools.partial, os.system, shell),
        "methodcaller": Calls(operator.methodcaller, "write_text", "x"),
        "attrgetter": Calls(operator.attrgetter("system"), Calls(importlib.import_module, "os")),
        "runpy": Calls(runpy.run_path, str(mark)),
        "numpy.load": Calls(np.load, str(mark), None, True),
        "numpy.save": Calls(np.save, str(mark), [1]),
        "numpy.memmap": Calls(np.memmap, str(mark), "u1", "w+", 0, (3,)),
        "numpy.fromfile": Calls(np.fromfile, str(mark)),
        "path": Calls(Path, "/etc/passwd"),
        "bytearray": Calls(builtins.bytearray, 3),
        "map": Calls(builtins.map, os.system, [shell]),
        "object in an array": np.array([Calls(os.system, shell)], dtype=object),
        "object in a list": [1, [2, {"x": Calls(os.system, shell)}]],
        "state": Calls(os.system, shell, state={"x": 1}),
    }


@pytest.mark.parametrize("name", gadgets(Path("x")))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_that_is_hidden_in_a_pickle_is_run(tmp_path, name, protocol):
    mark = tmp_path / "mark"
    hidden = gadgets(mark)[name]
    made = content(a=(0, {"clip": rows()}))
    made["samples"]["a"]["features"]["beats"] = hidden
    path = written(tmp_path / "f.pkl", made, protocol)
    with pytest.raises(DataError, match=r"f\.pkl"):
        released_features.read(path)
    assert not mark.exists()


RAW = {  # written by hand: what pickle.dumps would not write
    "instance": b"(S'touch MARK'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'touch MARK'\no.",
    "new object of a function": b"cnumpy\ndtype\n)\x81.",
    "numpy's own module": b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.sys\x93.",
    "dotted name in numpy": b"\x80\x04\x8c\x15numpy.core.multiarray\x8c\x0cscalar.__self\x93.",
    "change of a function": b"cnumpy\nndarray\n}S'__call__'\nNsb.",
    "change of a function by slots": b"cnumpy\nndarray\n(N}S'_call'\nS'x'\nstb.",
    "change of the decoder": b"c_codecs\nencode\n}S'__defaults__'\nNsb.",
    "another codec": b"c_codecs\nencode\n(Vabc\nVzlib\ntR.",
    "extension": b"\x82\x01.",
    "persistent id": b"Pevil\n.",
    "persistent object": b"S'evil'\nQ.",
    "object dtype": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O'\ntRS'12345678'\ntR.",
    "records of objects": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f4,O'\ntRS'1'\ntR.",
    "huge text": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'S99999999'\ntRS'1'\ntR.",
    "huge memo index": b"Nr\xff\xff\xff\xff.",
    "huge length": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"x.",
    "huge number": b"I" + b"9" * 100_000 + b"\n.",
    "future protocol": b"\x80\x63N.",
    "empty": b"",
    "cut": pickle.dumps(content(a=(0, {"clip": rows()})))[:-500],
    "text": b"this is no pickle\n",
    "zip": b"PK\x03\x04" + bytes(100),
    "nothing on the stack": b".",
}


@pytest.mark.parametrize("name", RAW)
def test_nothing_that_is_written_by_hand_is_run(tmp_path, name):
    mark = tmp_path / "mark"
    path = tmp_path / "f.pkl"
    path.write_bytes(RAW[name].replace(b"MARK", bytes(mark)))
    with pytest.raises(DataError, match=r"f\.pkl"):
        released_features.read(path)
    assert not mark.exists()


def test_the_handwritten_ones_would_run_elsewhere(tmp_path):
    mark = tmp_path / "mark"
    pickle.loads(RAW["instance"].replace(b"MARK", bytes(mark)))
    assert mark.exists()
    pickletools.dis(RAW["change of a function"], out=(tmp_path / "dis").open("w"))


def test_a_shape_that_lies_about_the_size_is_refused(tmp_path):
    data = pickle.dumps(np.arange(4, dtype=np.float32), 2)
    assert data.count(b"K\x04\x85") == 1  # the shape (4,)
    path = tmp_path / "f.pkl"
    path.write_bytes(data.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85"))
    with pytest.raises(DataError, match="broken array"):
        released_features.load(path)


def test_nested_lists_beyond_measure_are_refused(tmp_path):
    path = tmp_path / "f.pkl"
    path.write_bytes(b"(" * 5 + b"]" * 100_000 + b"a" * 99_999 + b".")
    with pytest.raises(DataError, match=r"f\.pkl"):
        released_features.read(path)


def test_a_list_that_holds_itself_many_times_costs_nothing(tmp_path):
    bomb = [rows(1)]
    for _ in range(60):
        bomb = [bomb, bomb]
    for made in (
        content(a=(0, {"clip": bomb})),
        {**content(a=(0, {})), "stats": bomb},
        {**content(a=(0, {})), "stats": {"clip": {"min": bomb}}},
        {**content(a=(0, {})), "idx_to_label": {0: bomb}},
        {**content(a=(0, {})), "samples": {"a": {"features": {}, "label": bomb}}},
        {"samples": bomb},
        bomb,
    ):
        with pytest.raises(DataError, match=r"f\.pkl"):
            released_features.read(written(tmp_path / "f.pkl", made))


@pytest.mark.parametrize("ways", [(b"}", b"Ns."), (b"}(", b"Nu."), (b"(", b"Nd.")])
def test_a_key_that_takes_years_to_hash_is_refused(tmp_path, ways):
    before, after = ways
    path = tmp_path / "f.pkl"
    path.write_bytes(b"\x80\x02" + before + b")" + b"2\x86" * 60 + after)
    with pytest.raises(DataError, match="a tuple for a key"):
        released_features.read(path)


@pytest.mark.parametrize("ways", [(b"\x8f(", b"\x90."), (b"(", b"\x91.")])
def test_a_set_that_takes_years_to_hash_is_refused(tmp_path, ways):
    before, after = ways
    path = tmp_path / "f.pkl"
    path.write_bytes(b"\x80\x04" + before + b")" + b"2\x86" * 60 + after)
    with pytest.raises(DataError, match="a tuple for a key"):
        released_features.read(path)


def test_a_file_that_is_too_large_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(released_features, "LARGEST", 10)
    path = written(tmp_path / "f.pkl", content(a=(0, {})))
    with pytest.raises(DataError, match="too large"):
        released_features.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.pkl cannot be read"):
        released_features.read(tmp_path / "nothing.pkl")
