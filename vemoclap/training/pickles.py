"""Pickles of arrays and plain containers, read without running anything that is in them.

A pickle is a program: it may name any function and have it called. Here only the handful of names
by which numpy stores arrays are known, and even those lead to the stand-ins below, which keep
plain bytes and numbers; numpy's own unpickling never runs. What else a file asks for is refused
before it is looked up.
"""

import pickle
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vemoclap.errors import DataError

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
            f"{path} cannot be read ({error.strerror or error}); name the released features.pkl."
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
