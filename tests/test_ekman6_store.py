"""The feature store: what is written comes back, others can read it, damage is named."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.planted import Plan, make
from vemoclap import files
from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS, State
from vemoclap.training import feature_store as stores
from vemoclap.training import shards, statistics
from vemoclap.training.records import Column, Schema, Split, Store, Video, checked_store

SCHEMA = Schema(
    {"clip": Column("clip/tiny", 4), "ocr_sentiment": Column("roberta/tiny", 3)},
    {"image": "clip", "sentiment": "roberta"},
)


def video(name, *, rows=5, label=3, split=Split.TRAIN, seed=0):
    values = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return Video(f"joy/{name}.mp4", {"clip": values, "ocr_sentiment": None}, label, split)


def equal(one: Video, other: Video) -> bool:
    return (one.id, one.label, one.split) == (other.id, other.label, other.split) and all(
        (values is None and other.features[name] is None)
        or (values is not None and np.array_equal(values, other.features[name]))
        for name, values in one.features.items()
    )


def test_what_is_written_comes_back(tmp_path):
    videos = [video("b", rows=1, label=None, split=None), video("a", rows=7, seed=1)]
    path = stores.append(tmp_path, checked_store(SCHEMA, videos))
    back = stores.read(tmp_path)
    assert path.parent == tmp_path / "data"
    assert [one.id for one in back.videos] == ["joy/a.mp4", "joy/b.mp4"]
    assert equal(back.videos[0], videos[1])
    assert equal(back.videos[1], videos[0])
    assert back.schema == SCHEMA


def test_shards_add_up_in_any_order(tmp_path):
    for name in ("c", "a", "b"):
        stores.append(tmp_path, checked_store(SCHEMA, [video(name)]))
    assert [one.name for one in stores.read(tmp_path).videos] == ["a.mp4", "b.mp4", "c.mp4"]
    assert stores.ids(tmp_path) == {"joy/a.mp4", "joy/b.mp4", "joy/c.mp4"}
    assert len(shards.paths(tmp_path / "data")) == 3


def test_the_published_shapes_survive(tmp_path):
    planted = make(Plan(train=12, test=12))
    stores.append(tmp_path, planted)
    back = stores.read(tmp_path)
    assert all(equal(one, other) for one, other in zip(planted.videos, back.videos, strict=True))


def test_a_label_set_of_its_own(tmp_path):
    eight = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust")
    stores.append(tmp_path, checked_store(replace(SCHEMA, labels=eight), [video("a", label=7)]))
    back = stores.read(tmp_path)
    assert back.label_of(back.videos[0]) == "trust"


def test_a_video_that_is_there_is_not_added_again(tmp_path):
    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    with pytest.raises(DataError, match=r"joy/a\.mp4"):
        stores.append(tmp_path, checked_store(SCHEMA, [video("b"), video("a", seed=1)]))
    assert stores.ids(tmp_path) == {"joy/a.mp4"}


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (replace(SCHEMA, engines={"image": "other", "sentiment": "roberta"}), "engines.*image"),
        (replace(SCHEMA, labels=EMOTIONS[::-1]), "labels"),
        (
            replace(SCHEMA, columns={**SCHEMA.columns, "clip": Column("clip/big", 4)}),
            "features.*clip/tiny",
        ),
    ],
)
def test_shards_of_another_making_are_refused(tmp_path, other, word):
    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    with pytest.raises(DataError, match=word):
        stores.append(tmp_path, checked_store(other, [video("b")]))
    shards.write(tmp_path / "data", checked_store(other, [video("b")]))  # past the check
    with pytest.raises(DataError, match=word):
        stores.read(tmp_path)


def test_a_video_in_two_shards_names_both(tmp_path):
    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    shards.write(tmp_path / "data", checked_store(SCHEMA, [video("a"), video("b")]))
    first, second = (path.name for path in shards.paths(tmp_path / "data"))
    with pytest.raises(DataError) as caught:
        stores.read(tmp_path)
    assert first in str(caught.value)
    assert second in str(caught.value)


@pytest.mark.parametrize(
    ("features", "word"),
    [
        ({"clip": np.zeros((2, 5), np.float32)}, "4 numbers a row"),
        ({"clip": np.zeros((0, 4), np.float32)}, r"\(0, 4\)"),
        ({"clip": np.zeros(4, np.float32)}, r"\(4,\)"),
        ({"clip": np.zeros((2, 4))}, "float64"),
        ({"clip": np.full((2, 4), np.nan, np.float32)}, "not finite"),
        ({"clip": np.full((2, 4), -np.inf, np.float32)}, "not finite"),
        ({"beats": None}, "beats"),
    ],
)
def test_features_that_do_not_fit_are_named(features, word):
    one = video("a")
    wrong = replace(one, features={**one.features, **features})
    with pytest.raises(DataError, match=f"joy/a.*{word}"):
        checked_store(SCHEMA, [wrong])


def test_ids_and_labels_are_checked():
    with pytest.raises(DataError, match="there twice"):
        checked_store(SCHEMA, [video("a"), video("a", seed=1)])
    with pytest.raises(DataError, match="label 6"):
        checked_store(SCHEMA, [video("a", label=6)])
    with pytest.raises(DataError, match="label -1"):
        checked_store(SCHEMA, [video("a", label=-1)])


def test_values_are_checked_on_reading_too(tmp_path):
    bad = replace(video("a"), features={"clip": np.full((1, 4), np.nan, np.float32), **NOTHING})
    path = shards.write(tmp_path / "data", Store(SCHEMA, (bad,)))  # past the check
    with pytest.raises(DataError, match=f"{path.name}.*joy/a.*not finite"):
        stores.read(tmp_path)


NOTHING = {"ocr_sentiment": None}


def read_or_complaint(folder):
    try:
        return stores.read(folder), f"{shards.paths(folder / 'data')}"
    except DataError as error:
        return None, str(error)


def test_damage_anywhere_is_seen_and_named(tmp_path):
    videos = [video(str(number), rows=30, seed=number) for number in range(20)]
    path = stores.append(tmp_path, checked_store(SCHEMA, videos))
    whole = path.read_bytes()
    expected = stores.read(tmp_path)
    rng = np.random.default_rng(0)
    noticed = 0
    places = [*rng.choice(len(whole), 100, replace=False), *range(len(whole) - 2500, len(whole), 7)]
    for place in places:
        torn = bytearray(whole)
        torn[place] ^= 0xFF
        path.write_bytes(torn)
        back, complaint = read_or_complaint(tmp_path)
        noticed += back is None
        assert path.name in complaint
        # A byte that says nothing about the videos, such as the writer's name, does no harm.
        assert back is None or back.schema == expected.schema
        assert back is None or all(map(equal, expected.videos, back.videos))
    assert noticed > len(places) / 2


@pytest.mark.parametrize("kept", [0, 3, 100, -1, -9])
def test_a_torn_shard_is_named(tmp_path, kept):
    path = stores.append(tmp_path, checked_store(SCHEMA, [video("a", rows=50)]))
    path.write_bytes(path.read_bytes()[:kept])
    for reader in (stores.read, stores.ids):
        with pytest.raises(DataError, match=f"{path.name} is damaged"):
            reader(tmp_path)


def test_a_foreign_parquet_file_is_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    pq.write_table(pa.table({"id": ["x"]}), tmp_path / "data" / "aaa.parquet")
    with pytest.raises(DataError, match=r"aaa\.parquet is no part"):
        stores.read(tmp_path)


def rewritten(path, change):
    """Write the shard again with other metadata or columns."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    said = json.loads(table.schema.metadata[shards.KEY])
    table = change(table, said)
    text = json.dumps(said).encode()
    total = hashlib.sha256(text).hexdigest()
    pq.write_table(table.replace_schema_metadata({shards.KEY: text, shards.SUM: total}), path)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda table, said: said.update(version=99) or table, "newer vemoclap"),
        (lambda table, said: said.pop("columns") and table, "damaged"),
        (lambda table, said: said["columns"]["clip"].update(dim=5) or table, "column clip"),
        (lambda table, said: table.drop_columns(["clip"]), "column clip|damaged"),
        (
            lambda table, said: table.set_column(1, table.schema.field("label"), [["love"]]),
            "not in tuple|love",
        ),
    ],
)
def test_a_shard_that_contradicts_itself_is_named(tmp_path, change, word):
    path = stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    rewritten(path, change)
    with pytest.raises(DataError, match=word) as caught:
        stores.read(tmp_path)
    assert path.name in str(caught.value)


def test_no_store_is_said_plainly(tmp_path):
    with pytest.raises(DataError, match="holds no feature store"):
        stores.read(tmp_path / "nothing")
    assert stores.ids(tmp_path / "nothing") == frozenset()
    with pytest.raises(DataError, match="no video"):
        stores.append(tmp_path, checked_store(SCHEMA, []))


def test_nothing_half_written_is_seen(tmp_path, monkeypatch):
    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "commit_file", broken)
    with pytest.raises(DataError, match="No space left"):
        stores.append(tmp_path, checked_store(SCHEMA, [video("b")]))
    assert len(list((tmp_path / "data").iterdir())) == 1
    assert stores.ids(tmp_path) == {"joy/a.mp4"}


def test_splits_can_be_given_anew():
    whole = checked_store(SCHEMA, [video("a"), video("b"), video("c")])
    other = whole.with_splits({"joy/a.mp4": Split.TEST, "joy/b.mp4": Split.VAL})
    assert [one.split for one in other.videos] == [Split.TEST, Split.VAL, None]
    assert [one.name for one in other.of(Split.VAL)] == ["b.mp4"]
    assert len(other.without(["joy/a.mp4", "joy/x.mp4"]).videos) == 2


def test_a_stored_video_is_as_an_analysis_has_it():
    whole = checked_store(SCHEMA, [video("a")])
    found = whole.features_of(whole.videos[0])
    assert found.engines == SCHEMA.engines
    assert found.by_name["clip"].space == "clip/tiny"
    assert found.by_name["clip"].status.ok
    assert found.by_name["ocr_sentiment"].values is None
    assert found.by_name["ocr_sentiment"].status.state is State.ABSENT


# -- other programs ---------------------------------------------------------------------------


def test_plain_parquet_readers_see_videos_and_metadata(tmp_path):
    import pyarrow.parquet as pq

    stores.append(tmp_path, checked_store(SCHEMA, [video("a"), video("b", label=None, split=None)]))
    statistics.write(tmp_path, stores.read(tmp_path))
    table = pq.read_table(tmp_path / "data")
    assert table.column_names == ["id", "label", "split", "clip", "ocr_sentiment"]
    assert table["label"].to_pylist() == ["joy", None]
    assert table["split"].to_pylist() == ["train", None]
    assert np.shape(table["clip"].to_pylist()[0]) == (5, 4)
    assert table["ocr_sentiment"].null_count == 2
    said = json.loads(table.schema.metadata[b"vemoclap"])
    assert said["labels"] == list(EMOTIONS)
    assert said["engines"] == SCHEMA.engines
    assert said["columns"]["clip"] == {"space": "clip/tiny", "dim": 4}


def test_pandas_reads_the_folder(tmp_path):
    import pandas

    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    frame = pandas.read_parquet(tmp_path / "data")
    assert np.array_equal(np.stack(frame["clip"][0]), video("a").features["clip"])


def test_polars_reads_the_folder(tmp_path):
    import polars

    stores.append(tmp_path, checked_store(SCHEMA, [video("a")]))
    frame = polars.read_parquet(tmp_path / "data")
    assert np.allclose(frame["clip"].to_list()[0], video("a").features["clip"])


def test_hugging_face_reads_the_folder(tmp_path):
    import datasets

    stores.append(tmp_path / "store", checked_store(SCHEMA, [video("a")]))
    statistics.write(tmp_path / "store", stores.read(tmp_path / "store"))
    found = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "store/data/*.parquet"), cache_dir=str(tmp_path / "c")
    )
    assert np.allclose(found["train"][0]["clip"], video("a").features["clip"])


# -- statistics -------------------------------------------------------------------------------


def test_statistics_are_those_of_the_training_split(tmp_path):
    videos = [video("a"), video("b", seed=1, rows=3), video("c", seed=2, split=Split.TEST)]
    whole = checked_store(SCHEMA, videos)
    name, basis = statistics.basis(whole)
    rows = np.concatenate([videos[0].features["clip"], videos[1].features["clip"]])
    found = statistics.of(basis)
    assert name == "train"
    assert set(found) == {"clip"}
    assert found["clip"].minimum == rows.min()
    assert found["clip"].maximum == rows.max()
    assert found["clip"].mean == pytest.approx(rows.mean(), abs=1e-6)
    assert found["clip"].std == pytest.approx(rows.std(), abs=1e-6)
    assert (found["clip"].videos, found["clip"].rows) == (2, 8)
    written = json.loads(statistics.write(tmp_path, whole).read_text())
    assert written["over"] == "train"
    assert written["features"]["clip"]["rows"] == 8


def test_statistics_of_an_unsplit_store_are_of_all():
    whole = checked_store(SCHEMA, [video("a", split=None)])
    assert statistics.basis(whole)[0] == "all"


def test_differences_are_told_with_both_numbers():
    found = statistics.of([video("a")])
    one = found["clip"]
    same = {"min": one.minimum, "max": one.maximum, "mean": one.mean, "std": one.std}
    assert statistics.differences({"clip": same}, found, 1e-3) == ()
    (sentence,) = statistics.differences({"clip": {**same, "max": 99.0}}, found, 1e-3)
    assert "max 99" in sentence
    assert f"{one.maximum:.6g}" in sentence
    assert len(statistics.differences({"clip": {**same, "mean": float("nan")}}, found, 1e-3)) == 1
    assert len(statistics.differences({"beats": same}, found, 1e-3)) == 2
