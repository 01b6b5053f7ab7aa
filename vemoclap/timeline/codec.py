"""Records <-> JSON, by the types of their fields, so that what was found can wait on the disk.

Nothing that is read back is ever run, and what does not fit its type raises. Numbers come back
exactly as they were.
"""

import base64
import types
import typing
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


def encoded(value: Any) -> Any:  # noqa: PLR0911
    """Return a record, or a tuple, mapping or array of such, as what JSON can hold."""
    if is_dataclass(value):
        return {f.name: encoded(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, np.ndarray):
        # Contents vary from noise to blank pictures: quick and good enough.
        data = zlib.compress(np.ascontiguousarray(value).tobytes(), 1)
        return {"type": value.dtype.str, "shape": value.shape, "data": _text(data)}
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, Mapping):
        return {str(key): encoded(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encoded(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A {type(value).__name__} cannot be kept.")


def decoded(kind: Any, found: Any) -> Any:  # noqa: PLR0911
    """Return what ``encoded`` was given, as ``kind``.

    Raises:
        ValueError, TypeError, KeyError: it is no such record.
    """
    origin = typing.get_origin(kind)
    inner = typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if found is None:
            return None
        (only,) = (choice for choice in inner if choice is not type(None))
        return decoded(only, found)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(decoded(inner[0], item) for item in found)
        return tuple(decoded(part, item) for part, item in zip(inner, found, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {decoded(inner[0], key): decoded(inner[1], item) for key, item in found.items()}
    if origin is np.ndarray:
        flat = np.frombuffer(zlib.decompress(_bytes(found["data"])), np.dtype(found["type"]))
        return flat.reshape(found["shape"])
    if is_dataclass(kind):
        hints = _hints(typing.cast(Any, kind))
        if set(found) != set(hints):
            raise ValueError(f"This is no {kind}: {', '.join(found)}.")
        return typing.cast(Any, kind)(
            **{name: decoded(hint, found[name]) for name, hint in hints.items()}
        )
    if kind is bytes:
        return _bytes(found)
    if kind is float and type(found) is int:
        return float(found)
    if issubclass(kind, Enum | Path):
        return kind(found)
    if type(found) is not kind:
        raise ValueError(f"{found!r} is no {kind.__name__}.")
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
