"""Records <-> JSON's own types, by the types of their fields, so that they can wait on the disk.

Nothing that is read back is ever run, and what does not fit its type raises. Numbers come back
exactly as they were.
"""

import base64
import zlib
from pathlib import Path
from typing import Any, get_origin

import msgspec
import numpy as np


def encoded(value: Any) -> Any:
    """Return a record, or a tuple, mapping or array of such, as what JSON can hold."""
    return msgspec.to_builtins(value, enc_hook=_plain)


def decoded(kind: Any, found: Any) -> Any:
    """Return what ``encoded`` was given, as ``kind``.

    Raises:
        ValueError, TypeError, KeyError: it is no such record.
    """
    return msgspec.convert(found, kind, dec_hook=_record)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        # Contents vary from noise to blank pictures: quick and good enough.
        data = base64.b64encode(zlib.compress(np.ascontiguousarray(value).tobytes(), 1)).decode()
        return {"type": value.dtype.str, "shape": value.shape, "data": data}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):  # of numpy
        return float(value)
    raise TypeError(f"A {type(value).__name__} cannot be kept.")


def _record(kind: Any, found: Any) -> Any:
    if get_origin(kind) is not np.ndarray:
        return kind(found)
    data = zlib.decompress(base64.b64decode(found["data"], validate=True))
    return np.frombuffer(data, np.dtype(found["type"])).reshape(found["shape"])
