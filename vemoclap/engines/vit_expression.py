"""Expressions: the ViT-B/16 of trpakov, fine-tuned on FER-2013 and two more sets of faces."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vemoclap import weights
from vemoclap.engines.batching import in_batches
from vemoclap.errors import WeightsError
from vemoclap.records import Expression, Picture

if TYPE_CHECKING:
    from torch import Tensor

# The model's preprocessor_config.json: stretched to a square, then from 0..255 to -1..1.
SIDE = 224  # pixels
MIDDLE = 127.5  # (x / 255 - 0.5) / 0.5 = x / 127.5 - 1

# Faces of one call. The attention of 64 faces takes 0.5 GB; more at once is no faster.
BATCH_SIZE = 64


def load(device: str) -> Callable[[Sequence[Picture]], list[Expression]]:
    """Return a reader of expressions: face crops (each RGB, of any size) -> one each.

    The vector is the CLS token after the last encoder block, before the final layer norm.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    weights.use_offline()
    network = _network(device)
    names = network.config.id2label

    def some(batch: Sequence[Picture]) -> list[Expression]:
        pixels = preprocess(batch).to(device, non_blocking=True)  # (b, 3, 224, 224) uint8
        with torch.inference_mode():
            inputs = pixels.to(network.dtype) / MIDDLE - 1
            answer = network(pixel_values=inputs, output_hidden_states=True)
            vectors = answer.hidden_states[-1][:, 0].float().cpu().numpy()  # (b, 768)
            probabilities = answer.logits.float().softmax(-1).cpu().numpy()  # (b, 7)
        best = probabilities.argmax(-1).tolist()
        return [
            Expression(names[label], float(row[label]), vector)
            for label, row, vector in zip(best, probabilities, vectors, strict=True)
        ]

    return lambda crops: in_batches(some, crops, BATCH_SIZE)


def preprocess(crops: Sequence[Picture]) -> "Tensor":
    """Return ``crops`` as one tensor (b, 3, 224, 224) of bytes, on the CPU.

    They stay bytes because the published processor rounds after its resize, and since a byte is a
    quarter of what would else cross to the GPU.
    """
    import torch
    from torch.nn.functional import interpolate

    def square(crop: Picture) -> "Tensor":
        picture = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None]
        return interpolate(picture, (SIDE, SIDE), mode="bilinear", antialias=True)

    return torch.cat([square(crop) for crop in crops])


def _network(device: str) -> Any:
    import torch
    import transformers

    library: Any = transformers  # its annotations leave out much of what is used here
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    folder = weights.folder("vit-expression")
    try:
        network, info = library.ViTForImageClassification.from_pretrained(
            folder,
            dtype=torch.float16 if device.startswith("cuda") else torch.float32,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many types, all of which mean the same here
        raise WeightsError(
            f"The expression model in {folder} is damaged ({type(error).__name__}: {error}); "
            "delete the folder and run `vemoclap models download vit-expression`."
        ) from error
    wrong = sorted({*info["missing_keys"], *info["unexpected_keys"]})
    if wrong:
        raise WeightsError(
            f"The weights in {folder} are not the expression model's: {', '.join(wrong[:3])} is "
            "missing or unexpected; delete the folder and download it again."
        )
    return network.to(device).eval()
