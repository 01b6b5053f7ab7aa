"""The weights, inputs and sounds that the golden values were computed with."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent


def golden(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))


def pattern(name: str, shape: list[int] | tuple[int, ...], scale: float | None = None):
    """Return the float32 tensor that the golden values fill from its own name."""
    count = int(np.prod(shape))
    phase = zlib.crc32(name.encode()) % 1000
    if scale is None:
        scale = 1 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.1
    values = np.sin(0.37 * np.arange(count, dtype=np.float64) + phase) * scale
    if name.endswith("norm.weight") or ("norms" in name and name.endswith("weight")):
        values = 1 + values
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def patterned(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: pattern(name, shape) for name, shape in shapes.items()}


def sounds():
    """Return the two 3-second sounds (2, 48000): two rising tones, a tone that dies away."""
    t = np.arange(48_000) / 16_000
    turn = 2 * np.pi
    rising = 0.3 * np.sin(turn * (220 * t + 180 * t**2)) + 0.05 * np.sin(turn * 1000 * t**2)
    dying = 0.5 * np.exp(-t) * np.sin(turn * 440 * t)
    return np.stack([rising, dying]).astype(np.float32)
