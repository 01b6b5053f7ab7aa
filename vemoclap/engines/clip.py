"""Image embeddings: the vision half of CLIP ViT-B/32 (Radford et al. 2021), OpenAI's weights."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vemoclap.engines import pretrained
from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.records import Floats, Picture, Pictures

if TYPE_CHECKING:
    from torch import Tensor

ARTEFACT = "clip"
SIDE = 224  # pixels
WIDTH = 512  # numbers of an embedding

# Mean and standard deviation of the pictures that CLIP was trained on, as published with it.
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

# Of a frame 640 x 360: its own numbers 3 MB, twice while they are scaled, and 50 positions of the
# encoder. Measured 5 MB; larger frames take in proportion.
APPETITE = Appetite(bytes_per_item=10_000_000, most=64)

# The published file holds both halves of CLIP; these keys are the one that reads text.
TEXT_HALF = ("text_model.", "text_projection.weight", "logit_scale")


def load(device: str) -> Callable[[Pictures], Floats]:
    """Return an embedder: frames (n, H, W, 3) -> (n, 512), projected but not L2-normalised.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    network = pretrained.network("CLIPVisionModelWithProjection", ARTEFACT, device, spare=TEXT_HALF)

    def some(batch: Sequence[Picture]) -> list[Floats]:
        with torch.inference_mode():
            frames = torch.from_numpy(np.stack(batch)).to(device)
            answer = network(pixel_values=preprocess(frames).to(network.dtype))
            return list(answer.image_embeds.float().cpu().numpy())  # b of (512,)

    def embed(frames: Pictures) -> Floats:
        vectors = in_batches(some, list(frames), APPETITE, device)
        return np.asarray(vectors, np.float32).reshape(-1, WIDTH)

    return embed


def preprocess(frames: "Tensor") -> "Tensor":
    """Return ``frames`` (n, H, W, 3) of bytes as CLIP's input (n, 3, 224, 224) of float32.

    Cubic resizing overshoots at sharp edges; the values beyond 0 and 1 stay, as in the
    preprocessing that the classifier's features were made with.
    """
    import torch
    from torch.nn.functional import interpolate

    pictures = frames.permute(0, 3, 1, 2).float() / 255
    height, width = pictures.shape[-2:]
    shorter = min(height, width)
    size = (SIDE * height // shorter, SIDE * width // shorter)
    pictures = interpolate(pictures, size, mode="bicubic", antialias=True)
    top, left = (round((side - SIDE) / 2) for side in size)
    pictures = pictures[..., top : top + SIDE, left : left + SIDE]
    mean, deviation = (
        torch.tensor(values, device=frames.device).view(3, 1, 1) for values in (MEAN, DEVIATION)
    )
    return (pictures - mean) / deviation
