"""What the picture models are fed, against golden numbers and against independent code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode, functional

from vemoclap.engines import clip, vit_expression

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clip_preprocess.json").read_text("utf-8"))
SEEDS = st.integers(0, 2**32 - 1)


def formula(height: int, width: int) -> np.ndarray:
    """Return the picture that GOLDEN["image"] describes."""
    y, x = np.mgrid[:height, :width].astype(float)
    red = 127.5 + 127.5 * np.sin(x / 7) * np.cos(y / 11)
    green = 255 * x / (width - 1)
    blue = 255 * ((x // 16 + y // 16) % 2)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", GOLDEN["sizes"])
def test_clip_input_meets_the_golden_numbers(size: str):
    golden = GOLDEN["sizes"][size]
    picture = formula(*map(int, size.split("x")))
    (made,) = clip.preprocess(torch.from_numpy(picture)[None]).numpy()
    assert made.shape == (3, 224, 224)
    assert made.mean((1, 2)) == pytest.approx(golden["mean"], abs=2e-3)
    kept = GOLDEN["block_indices"]
    blocks = made.reshape(3, 14, 16, 14, 16).mean((2, 4))[:, kept][:, :, kept]
    wanted = np.array(golden["blocks_1e4"]) / 1e4
    assert np.abs(blocks - wanted)[:, 1:-1, 1:-1].max() < 2e-3
    assert np.abs(blocks - wanted).max() < 1e-2  # the sides of a crop
    for place, value in golden["pixels"].items():
        assert made[tuple(map(int, place.split(",")))] == pytest.approx(value, abs=2e-3)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, height=st.integers(30, 500), width=st.integers(30, 500))
def test_clip_input_is_torchvisions(seed: int, height: int, width: int):
    picture = torch.from_numpy(noise(seed, height, width))
    (made,) = clip.preprocess(picture[None])
    # A float picture is not clamped after the resize, unlike one of bytes.
    resized = functional.resize(
        picture.permute(2, 0, 1) / 255, [224], InterpolationMode.BICUBIC, antialias=True
    )
    cut = functional.center_crop(resized, [224, 224])
    wanted = functional.normalize(cut, list(clip.MEAN), list(clip.DEVIATION))
    assert torch.equal(made, wanted) or (made - wanted).abs().max() < 1e-5


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, height=st.integers(1, 400), width=st.integers(1, 400))
def test_face_crops_are_resized_as_by_pillow(seed: int, height: int, width: int):
    crop = noise(seed, height, width)
    (made,) = vit_expression.preprocess([crop]).permute(0, 2, 3, 1).numpy()
    wanted = np.asarray(Image.fromarray(crop).resize((224, 224), Image.Resampling.BILINEAR))
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - wanted).max() <= 1  # both round, at different places


def test_face_crops_are_resized_as_by_the_published_processor():
    from transformers import ViTImageProcessor

    side = {"height": 224, "width": 224}
    half = [0.5, 0.5, 0.5]
    processor = ViTImageProcessor(size=side, resample=2, image_mean=half, image_std=half)
    crops = [noise(seed, *size) for seed, size in enumerate([(1, 1), (90, 60), (300, 310)])]
    made = vit_expression.preprocess(crops) / vit_expression.MIDDLE - 1
    wanted = torch.cat(
        [
            processor(crop, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
            for crop in crops
        ]
    )
    assert made.shape == (3, 3, 224, 224)
    assert (made - wanted).abs().max() < 1e-5
