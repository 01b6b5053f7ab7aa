"""One shard of the feature store: a Parquet file whose metadata say what it holds.

Columns: ``id``, ``label`` and ``split`` (strings, null where unknown), and per feature a list of
rows, each of which is a list of as many float32 as the feature has dimensions; null where absent.
The schema's metadata has the rest as JSON under ``vemoclap``, and that JSON's SHA-256 under
``vemoclap.sha256``: Parquet's checksums guard its pages but not what the file says of itself.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap import files
from vemoclap.errors import DataError
from vemoclap.records import Floats
from vemoclap.training.records import Column, Schema, Split, Store, Video

VERSION = 1  # of the layout; a reader refuses what is newer
KEY = b"vemoclap"
SUM = b"vemoclap.sha256"
BASIC = ("id", "label", "split")


def paths(folder: Path) -> list[Path]:
    """Return the shards in a folder, sorted by name, without any that is being written."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def write(folder: Path, store: Store) -> Path:
    """Write a store as one new shard; return its path.

    Its name comes from the ids within, so that a batch that is written again has the same name.
    The Parquet pages carry checksums.

    Raises:
        DataError: the folder cannot be written to.
    """
    import pyarrow.parquet as pq

    names = "\n".join(video.id for video in store.videos)
    target = folder / f"videos-{hashlib.sha256(names.encode()).hexdigest()[:12]}.parquet"
    advice = "free some space or choose another folder"
    with (
        files.explain_os_errors(target, "cannot be written", advice),
        files.whole_file(target) as part,
    ):
        pq.write_table(
            _table(store),
            part,
            compression="zstd",
            use_dictionary=list(BASIC[1:]),  # floats hardly repeat
            write_statistics=False,
            write_page_checksum=True,
        )
    return target


def schema(path: Path) -> Schema:
    """Return what a shard says that it holds.

    Raises:
        DataError: it is damaged, or no shard of a feature store.
    """
    import pyarrow.parquet as pq

    with _explained(path):
        metadata = pq.read_schema(path).metadata or {}
    if KEY not in metadata:
        raise DataError(f"{path} is no part of a feature store; move it elsewhere.")
    try:
        if _sum(metadata[KEY]) != metadata.get(SUM):
            raise ValueError("what it says of itself does not fit its checksum")
        said = json.loads(metadata[KEY])
        if said["version"] > VERSION:
            raise DataError(
                f"{path} was written by a newer vemoclap (layout {said['version']}, this one "
                f"reads up to {VERSION}); update vemoclap."
            )
        columns = {name: Column(**column) for name, column in said["columns"].items()}
        return Schema(columns, dict(said["engines"]), tuple(said["labels"]), said["note"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def ids(path: Path) -> list[str]:
    """Return the ids of the videos in a shard.

    Raises:
        DataError: it is damaged.
    """
    import pyarrow.parquet as pq

    with _explained(path):
        found: list[str] = pq.read_table(path, columns=["id"], page_checksum_verification=True)[
            "id"
        ].to_pylist()
    return found


def read(path: Path) -> list[Video]:
    """Return the videos of a shard, with all their features.

    Raises:
        DataError: it is damaged.
    """
    import pyarrow.parquet as pq

    holds = schema(path)
    with _explained(path):
        table = pq.read_table(path, page_checksum_verification=True)
        wanted = _arrow_schema(holds)
        for field in wanted:
            if field.name not in table.column_names or table.schema.field(field.name) != field:
                raise DataError(
                    f"{path}: the column {field.name} is not what the file says that it holds; "
                    "extract or import these videos again."
                )
        features = {name: _rows(table[name], column) for name, column in holds.columns.items()}
        basic = {name: table[name].to_pylist() for name in BASIC}
    try:
        return [
            Video(
                id=basic["id"][row],
                features={name: values[row] for name, values in features.items()},
                label=None if label is None else holds.labels.index(label),
                split=None if split is None else Split(split),
            )
            for row, (label, split) in enumerate(zip(basic["label"], basic["split"], strict=True))
        ]
    except ValueError as error:  # a label or a split that is none
        raise DataError(f"{path}: {error}; extract or import these videos again.") from error


# -- Arrow ------------------------------------------------------------------------------------


def _arrow_schema(schema: Schema) -> Any:
    import pyarrow as pa

    def rows(column: Column) -> Any:
        row = pa.list_(pa.field("element", pa.float32(), nullable=False), column.dim)
        return pa.list_(pa.field("element", row, nullable=False))

    fields = [pa.field("id", pa.string(), nullable=False)]
    fields += [pa.field(name, pa.string()) for name in BASIC[1:]]
    fields += [pa.field(name, rows(column)) for name, column in schema.columns.items()]
    said = json.dumps({"version": VERSION, **asdict(schema)}).encode()
    return pa.schema(fields, {KEY: said, SUM: _sum(said)})


def _sum(said: bytes) -> bytes:
    return hashlib.sha256(said).hexdigest().encode()


def _table(store: Store) -> Any:
    import pyarrow as pa

    schema = _arrow_schema(store.schema)
    videos = store.videos
    arrays = [
        pa.array([video.id for video in videos], pa.string()),
        pa.array([store.label_of(video) for video in videos], pa.string()),
        pa.array([video.split for video in videos], pa.string()),
    ]
    for name, column in store.schema.columns.items():
        values = [video.features[name] for video in videos]
        present = [value for value in values if value is not None]
        lengths = [0 if value is None else len(value) for value in values]
        flat = np.concatenate([np.empty((0, column.dim), np.float32), *present])
        rows = pa.FixedSizeListArray.from_arrays(
            pa.array(flat.reshape(-1)), type=schema.field(name).type.value_type
        )
        arrays.append(
            pa.ListArray.from_arrays(
                pa.array(np.cumsum([0, *lengths]), pa.int32()),
                rows,
                type=schema.field(name).type,
                mask=pa.array([value is None for value in values], pa.bool_()),
            )
        )
    return pa.Table.from_arrays(arrays, schema=schema)


def _rows(chunks: Any, column: Column) -> list[Floats | None]:
    """Return the values of a column, (T, dim) or None, as views of its memory."""
    found: list[Floats | None] = []
    for chunk in chunks.chunks:
        flat = chunk.values.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.dim)
        bounds = chunk.offsets.to_numpy()
        here = chunk.is_valid().to_numpy(zero_copy_only=False)
        for row, present in enumerate(here):
            found.append(flat[bounds[row] : bounds[row + 1]] if present else None)
    return found


# -- damage -----------------------------------------------------------------------------------


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into an error that names it."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(
        f"{path} is damaged ({first_line}); delete it, and extract or import its videos again."
    )
