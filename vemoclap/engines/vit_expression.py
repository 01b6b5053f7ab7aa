"""Expressions: the ViT-B/16 of trpakov, fine-tuned on FER-2013 and two more sets of faces."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vemoclap.engines import pretrained
from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.records import Expression, Picture

if TYPE_CHECKING:
    from torch import Tensor

ARTEFACT = "vit-expression"

# The model's preprocessor_config.json: stretched to a square, then from 0..255 to -1..1.
SIDE = 224  # pixels
MIDDLE = 127.5  # (x / 255 - 0.5) / 0.5 = x / 127.5 - 1

# Of a face: 13 states of 197 positions of 768 numbers, 8 MB, which stay since the last is asked
# for, and one layer at work. Measured 22 MB.
APPETITE = Appetite(bytes_per_item=25_000_000, most=64)


def load(device: str) -> Callable[[Sequence[Picture]], list[Expression]]:
    """Return a reader of expressions: face crops (each RGB, of any size) -> one each.

    The vector is the CLS token after the last encoder block, before the final layer norm.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    network = pretrained.network("ViTForImageClassification", ARTEFACT, device)
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

    return lambda crops: in_batches(some, crops, APPETITE, device)


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
