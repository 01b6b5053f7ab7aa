"""The features that the paper's authors released (Zenodo records 13624583 and 17159328).

Layout: {"samples": {video: {"features": {feature: array (T, D) or (D,) or []}, "label": one-hot}},
"stats": {feature: {"mean", "std", "min", "max"}}, "idx_to_label": {index: label}}.
"""

import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from vemoclap import files
from vemoclap.classifier.model import RELEASED
from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS, Floats
from vemoclap.training import statistics
from vemoclap.training.records import Column, Schema, Store, Video, checked_store

LARGEST = 8 * 2**30  # bytes; the released features of Ekman-6 take about 200 MB
_TYPE = re.compile(r"[biufSU]\d{1,9}")  # truth, whole and real numbers, bytes, text; no objects


def load(path: Path) -> Any:
    """Return the plain containers, numbers, texts and arrays in a pickle.

    Raises:
        DataError: it is missing, too large or damaged, or asks for code to be run.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise DataError(
                f"{path} is too large for features ({size / 2**30:.1f} GiB); name the right file."
            )
        with path.open("rb") as file:
            found = _Reader(file, encoding="latin1").load()
        return found.value() if isinstance(found, Array) else found
    except DataError:
        raise
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({files.reason(error)}); name the released features.pkl."
        ) from error
    except Exception as error:  # a broken pickle fails in a dozen ways, which all mean the same
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path} was not opened, since it is damaged or asks for code to be run "
            f"({first_line}); delete it and download it again."
        ) from error


# -- stand-ins for what numpy puts into pickles -----------------------------------------------


class RefusedError(Exception):
    """The pickle asks for something that has no business in it."""


class _Name:
    """Something that a pickle may name and call; it can be neither changed nor instantiated."""

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise RefusedError("it changes a function")


class _Dtype:
    """The type of an array's numbers."""

    __slots__ = ("code", "order")

    def __init__(self, code: str = "", *_: Any) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: Any) -> None:
        if state[2] is not None or state[3] is not None or state[4] is not None:
            raise RefusedError("it holds arrays of records")
        self.order = str(state[1])

    def value(self) -> "np.dtype[Any]":
        if not _TYPE.fullmatch(self.code):
            raise RefusedError(f"it holds arrays of {self.code}")
        found = np.dtype(self.code)
        return found if self.order == "|" else found.newbyteorder(self.order)  # type: ignore[arg-type]


class Array:
    """An array, first empty and then told what it holds."""

    __slots__ = ("_data", "_dtype", "_fortran", "_shape")

    def __init__(self, *_: Any) -> None:
        self._shape: tuple[int, ...] = (0,)
        self._dtype, self._data, self._fortran = _Dtype("f4"), b"", False

    def __setstate__(self, state: Any) -> None:
        _, self._shape, self._dtype, self._fortran, self._data = state

    def value(self) -> "np.ndarray[Any, Any]":
        """Return the array, a copy that owns its memory; numpy checks shape against size.

        Raises:
            RefusedError: it holds no numbers or text, or not as many as its shape says.
        """
        if not isinstance(self._dtype, _Dtype) or not isinstance(self._data, bytes | bytearray):
            raise RefusedError("it holds an array of something that is neither number nor text")
        try:
            flat = np.frombuffer(self._data, self._dtype.value())
            return flat.reshape(self._shape, order="F" if self._fortran else "C").copy()
        except (ValueError, TypeError, OverflowError) as error:
            raise RefusedError(f"it holds a broken array: {error}") from error


def _from_buffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str) -> Array:
    made = Array()
    made.__setstate__((1, shape, dtype, order == "F", bytes(data)))
    return made


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype.value(), count=1)[0].item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding.lower().replace("-", "") not in ("latin1", "iso88591"):
        raise RefusedError(f"it encodes with {encoding}")
    return text.encode("latin1")


def _bytes() -> bytes:
    return b""


_MULTIARRAY = {"_reconstruct": Array, "scalar": _scalar}
_KNOWN = {  # (module, name) -> stand-in; numpy 2 moved core to _core
    **{
        (f"numpy.{core}.multiarray", k): v
        for core in ("core", "_core")
        for k, v in _MULTIARRAY.items()
    },
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    ("builtins", "bytes"): _bytes,  # how old protocols write no bytes at all
    ("__builtin__", "bytes"): _bytes,
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): dict,
}


class _Reader(pickle._Unpickler):
    """Python's own unpickler, in Python: its memo is a dict, which no index can blow up."""

    def find_class(self, module: str, name: str, /) -> Any:
        known = _KNOWN.get((module, name))
        if known is None:
            raise RefusedError(f"it asks for {module}.{name}")
        return _Name(known)

    def get_extension(self, code: int) -> None:
        raise RefusedError(f"it asks for the extension {code}")

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("it refers to something outside itself")


def _with_plain_keys(opcode: bytes, keys: Callable[[Any], Iterable[Any]]) -> None:
    """Have an opcode refuse keys that are containers: to hash a nest of tuples can take years."""
    load = _Reader.dispatch[opcode[0]]

    def checked(reader: Any) -> None:
        for key in keys(reader):
            if not isinstance(key, str | bytes | int | float | None):
                raise RefusedError(f"it has a {type(key).__name__} for a key")
        load(reader)

    _Reader.dispatch[opcode[0]] = checked


_Reader.dispatch = dict(pickle._Unpickler.dispatch)
_with_plain_keys(pickle.SETITEM, lambda reader: reader.stack[-2:-1])
_with_plain_keys(pickle.SETITEMS, lambda reader: reader.stack[::2])
_with_plain_keys(pickle.DICT, lambda reader: reader.stack[::2])
_with_plain_keys(pickle.ADDITEMS, lambda reader: reader.stack)
_with_plain_keys(pickle.FROZENSET, lambda reader: reader.stack)


TOLERANCE = 1e-3  # of a feature's range: what float32 sums may differ by
NOTE = "Imported from features released by the authors of the paper."


@dataclass(frozen=True, slots=True)
class Imported:
    """What a released file holds."""

    store: Store
    differences: tuple[str, ...]  # between the file's statistics and those of its values
    notes: tuple[str, ...]  # what else is worth knowing, in sentences


def read(path: Path) -> Imported:
    """Return the features in a file of the released layout.

    Raises:
        DataError: it is no such file, is damaged, or asks for code to be run.
    """
    content = _mapping(load(path), path, "the file")
    samples = _mapping(content.get("samples"), path, "its samples")
    labels = _labels(content.get("idx_to_label"), path)
    order = EMOTIONS if set(labels.values()) == set(EMOTIONS) else tuple(labels.values())
    raw = {}
    for name, sample in samples.items():
        if not isinstance(name, str) or not name.strip("/\\ "):
            raise DataError(f"{path}: a video without a name is in it; download the file again.")
        fields = _mapping(sample, path, name)
        features = _mapping(fields.get("features"), path, f"{name}, features")
        raw[name] = (
            {
                _text(key, path): _rows(value, path, f"{name}, {key}")
                for key, value in features.items()
            },
            order.index(_label(fields.get("label"), labels, path, name)),
        )
    if not raw:
        raise DataError(f"{path} holds no videos; download it again.")
    schema = Schema(_columns([features for features, _ in raw.values()]), RELEASED.engines, order)
    ids = _ids({name: order[label] for name, (_, label) in raw.items()})
    videos = [
        Video(ids[name], {key: features.get(key) for key in schema.columns}, label)
        for name, (features, label) in raw.items()
    ]
    try:
        store = checked_store(
            Schema(schema.columns, schema.engines, order, f"{NOTE} File: {path.name}"), videos
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    said = _stats(content.get("stats"), path)
    found = statistics.of(store.videos)
    notes = [f"{name}: no video has it." for name in schema.columns if name not in found]
    if not said:
        notes.append("The file has no statistics to compare with.")
    strange = sorted(set(schema.columns) - set(RELEASED.features))
    notes += [f"{name}: not one of the paper's features; its space is unknown." for name in strange]
    differences = statistics.differences(said, found, TOLERANCE) if said else ()
    return Imported(store, differences, tuple(notes))


# -- the layout -------------------------------------------------------------------------------


def _mapping(value: Any, path: Path, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise DataError(
            f"{path} has not the layout of the released features ({what} should be a dict); name "
            "the released features.pkl."
        )
    return cast(Mapping[Any, Any], value)


def _text(value: Any, path: Path) -> str:
    if not isinstance(value, str):
        raise DataError(f"{path}: a {type(value).__name__} stands where a name should be.")
    return value


def _plain(value: Any) -> Any:
    return value.value() if isinstance(value, Array) else value


def _rows(value: Any, path: Path, what: str) -> Floats | None:
    """Return a feature as (T, D), None where absent."""
    if value is None or (isinstance(value, list | tuple) and not value):
        return None
    try:
        # Nested lists are not taken, as numpy would walk through all of one that holds itself.
        if not isinstance(value, Array):
            raise TypeError(f"a {type(value).__name__}")
        rows = value.value()
        if rows.size == 0:
            return None
        if rows.dtype.kind not in "iuf" or rows.ndim not in (1, 2):
            raise ValueError(f"{rows.dtype} of shape {rows.shape}")
        return np.ascontiguousarray(np.atleast_2d(rows), np.float32)
    except (RefusedError, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: {what} is no feature ({error}); it should be an array of numbers of one or "
            "two dimensions."
        ) from error


def _labels(value: Any, path: Path) -> dict[int, str]:
    """Return index -> label, in the order of the indices."""
    try:
        named = _mapping(value, path, "idx_to_label").items()
        found = {int(key): _text(name, path).casefold() for key, name in named}
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: idx_to_label has an index that is no number.") from error
    if sorted(found) != list(range(len(found))) or len(set(found.values())) != len(found):
        raise DataError(f"{path}: idx_to_label is not one label per index ({found}).")
    return dict(sorted(found.items()))


def _label(value: Any, labels: Mapping[int, str], path: Path, name: str) -> str:
    """Return the label of a sample, given as one-hot numbers, an index or a name."""
    try:
        plain = _plain(value)
        if isinstance(plain, list | tuple) and not all(isinstance(n, int | float) for n in plain):
            raise TypeError("a list of other things than numbers")
        if isinstance(plain, str):
            if plain.casefold() in labels.values():
                return plain.casefold()
            raise ValueError(plain)
        numbers = np.asarray(plain, np.float64)
        if numbers.ndim == 0 and float(numbers) in labels:
            return labels[int(numbers)]
        if numbers.shape == (len(labels),) and sorted(numbers) == [0] * (len(labels) - 1) + [1]:
            return labels[int(numbers.argmax())]
        raise ValueError(numbers.tolist())
    except (RefusedError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {name} has a label that cannot be read ({error}).") from error


def _columns(samples: list[dict[str, Floats | None]]) -> dict[str, Column]:
    """Return what each feature holds; those of the paper are columns even where all are absent."""
    dims = {name: spec.dim for name, spec in RELEASED.features.items()}
    for features in samples:
        for name, rows in features.items():
            if rows is not None:
                dims.setdefault(name, rows.shape[1])
    return {
        name: Column(
            RELEASED.features[name].space if name in RELEASED.features else f"unknown/{name}", dim
        )
        for name, dim in sorted(dims.items())
    }


def _ids(labels: Mapping[str, str]) -> dict[str, str]:
    """Return name in the file -> id: "label/file name", the whole name where two would be one."""
    short = {
        name: f"{label}/{name.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
        for name, label in labels.items()
    }
    taken = Counter(short.values())
    return {name: short[name] if taken[short[name]] == 1 else name for name in labels}


def _stats(value: Any, path: Path) -> dict[str, dict[str, float]]:
    if value is None:
        return {}
    try:
        return {
            _text(name, path): {
                _text(key, path): float(_plain(number))
                for key, number in _mapping(one, path, f"stats of {name}").items()
            }
            for name, one in _mapping(value, path, "its stats").items()
        }
    except (RefusedError, ValueError, TypeError) as error:
        raise DataError(f"{path}: its stats are no numbers ({error}).") from error
