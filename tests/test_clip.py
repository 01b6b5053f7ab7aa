"""CLIP's image embeddings, on a miniature in the published layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.miniatures import Hub, cosine, frames
from vemoclap.engines import clip

pytestmark = pytest.mark.usefixtures("miniatures")


def plain_clip(hub: Hub, inputs: torch.Tensor):
    from transformers import CLIPModel

    with torch.inference_mode():
        return CLIPModel.from_pretrained(hub / "clip").vision_model(inputs), load_file(
            hub / "clip" / "model.safetensors"
        )


def test_image_embeddings_are_projected_and_not_normalised(hub: Hub):
    some = frames(3, 180, 320)
    answer, tensors = plain_clip(hub, clip.preprocess(torch.from_numpy(some)))
    wanted = answer.pooler_output @ tensors["visual_projection.weight"].T
    made = clip.load("cpu")(some)
    assert made.shape == (3, 512)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, wanted.numpy(), atol=1e-4)
    assert np.abs(np.linalg.norm(made, axis=1) - 1).min() > 1


def test_no_frames_have_no_embeddings():
    assert clip.load("cpu")(frames(0)).shape == (0, 512)


def test_the_published_file_holds_both_halves_of_clip(hub: Hub):
    keys = set(load_file(hub / "clip" / "model.safetensors"))
    assert {
        "logit_scale",
        "text_projection.weight",
        "text_model.encoder.layers.0.mlp.fc1.weight",
        "vision_model.embeddings.class_embedding",
        "vision_model.pre_layrnorm.weight",  # published with this slip
        "vision_model.encoder.layers.0.self_attn.k_proj.weight",
        "visual_projection.weight",
    } <= keys


def test_clip_is_read_from_a_pickle_of_tensors_too(hub: Hub, broken: Path):
    tensors = load_file(hub / "clip" / "model.safetensors")
    # Constants that files of that time hold.
    tensors["vision_model.embeddings.position_ids"] = torch.arange(50)[None]
    tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(tensors, broken / "pytorch_model.bin")
    (broken / "config.json").write_bytes((hub / "clip" / "config.json").read_bytes())
    made = clip.load("cpu")(frames(1))
    for name in ("config.json", "model.safetensors"):
        (broken / name).write_bytes((hub / "clip" / name).read_bytes())
    (broken / "pytorch_model.bin").unlink()
    np.testing.assert_allclose(made, clip.load("cpu")(frames(1)), rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_half_precision_keeps_the_embeddings():
    embedded = zip(clip.load("cpu")(frames()), clip.load("cuda")(frames()), strict=True)
    assert min(cosine(*pair) for pair in embedded) >= 0.999
