"""Image embeddings: the vision half of CLIP ViT-B/32 (Radford et al. 2021), OpenAI's weights."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vemoclap import weights
from vemoclap.engines.batching import in_batches
from vemoclap.errors import WeightsError
from vemoclap.records import Floats, Picture, Pictures

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 224  # pixels
WIDTH = 512  # numbers of an embedding

# Mean and standard deviation of the pictures that CLIP was trained on, as published with it.
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

# Frames of one call: more than the 16 of a video, and 64 take under 0.5 GB.
BATCH_SIZE = 64

# The published file holds both halves of CLIP; these keys are the one that reads text.
TEXT_HALF = ("text_model.", "text_projection.weight", "logit_scale")


def load(device: str) -> Callable[[Pictures], Floats]:
    """Return an embedder: frames (n, H, W, 3) -> (n, 512), projected but not L2-normalised.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    weights.use_offline()
    network = _network(device)

    def some(batch: Sequence[Picture]) -> list[Floats]:
        with torch.inference_mode():
            frames = torch.from_numpy(np.stack(batch)).to(device)
            answer = network(pixel_values=preprocess(frames).to(network.dtype))
            return list(answer.image_embeds.float().cpu().numpy())  # b of (512,)

    def embed(frames: Pictures) -> Floats:
        vectors = in_batches(some, list(frames), BATCH_SIZE)
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


def _network(device: str) -> Any:
    import torch
    import transformers

    library: Any = transformers  # its annotations leave out much of what is used here
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    folder = weights.folder("clip")
    try:
        network, info = library.CLIPVisionModelWithProjection.from_pretrained(
            folder,
            dtype=torch.float16 if device.startswith("cuda") else torch.float32,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many types, all of which mean the same here
        raise WeightsError(
            f"The CLIP model in {folder} is damaged ({type(error).__name__}: {error}); "
            "delete the folder and run `vemoclap models download clip`."
        ) from error
    strange = {key for key in info["unexpected_keys"] if not key.startswith(TEXT_HALF)}
    wrong = sorted({*info["missing_keys"], *strange})
    if wrong:
        raise WeightsError(
            f"The weights in {folder} are not those of CLIP: {', '.join(wrong[:3])} is missing or "
            "unexpected; delete the folder and download it again."
        )
    return network.to(device).eval()
