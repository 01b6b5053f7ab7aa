"""The end-to-end model of utterances (Lee and Kim, KAIST), and the file that holds it.

Faces, sound and words each go through a backbone that others trained, then through a convolution
over time; the means over time are put beside each other, and two linear layers make a score of
each emotion of them. Each emotion is on its own: several may be there at once, or none.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemoclap.engines import precision
from vemoclap.errors import WeightsError
from vemoclap.mer.backbones import albert, distilhubert, inception_resnet
from vemoclap.mer.inputs import Batch, Shape
from vemoclap.training import loop
from vemoclap.weights import checkpoint

FILE = "model.safetensors"
KIND = "mer"  # in the file, so that nobody takes it for another classifier
LABELS = ("happy", "sad", "anger", "surprise", "disgust", "fear")  # of CMU-MOSEI, in its order
BACKBONES = ("face", "voice", "words")
KERNEL = 3  # steps that the convolution over time sees at once: 3 frames, 60 ms, 3 tokens


@dataclass(frozen=True, slots=True)
class Config:
    """All that is needed to build the model and to feed it as in training."""

    face_width: int  # of InceptionResnetV1
    voice: Mapping[str, Any]  # DistilHuBERT's own config
    words: Mapping[str, Any]  # ALBERT's own config
    tokenizer: str  # ALBERT's tokenizer.json
    shape: Shape = field(default_factory=Shape)
    labels: tuple[str, ...] = LABELS
    thresholds: tuple[float, ...] = (0.5,) * len(LABELS)  # of a label that counts as present
    channels: int = 256  # that each convolution over time makes; the paper gives no number
    hidden: int = 256  # between the two linear layers; the paper gives no number
    dropout: float = 0.1  # between the two linear layers
    note: str = ""  # how far to trust it, in plain words

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Config":
        """Return the config that ``asdict`` and JSON turned into plain values."""
        lists = {name: tuple(values[name]) for name in ("labels", "thresholds")}
        return cls(**{**values, **lists, "shape": Shape(**values["shape"])})


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyper-parameters; the paper names only the share of the backbones."""

    epochs: int = 20  # at most
    batch: int = 16  # utterances: 80 faces and 160 s of sound at once
    rate: float = 1e-4  # learning rate of Adam, for the layers that begin at random
    backbones: float = 0.1  # of that rate, for the backbones
    clip: float = 1.0  # largest norm of the gradient
    patience: int = 4  # epochs in a row without a better validation before training stops
    channels: int = 256
    hidden: int = 256
    dropout: float = 0.1


class Mer(nn.Module):
    """The network; see ``inputs.collate`` for what it is fed."""

    def __init__(self, config: Config, backbones: Mapping[str, nn.Module] | None = None) -> None:
        """Build it, with these backbones or random ones, by their names in ``BACKBONES``."""
        super().__init__()
        self.config = config
        given = backbones or {}
        self.backbones = nn.ModuleDict(
            {
                "face": given.get("face") or inception_resnet.build(config.face_width),
                "voice": given.get("voice") or distilhubert.build(config.voice),
                "words": given.get("words") or albert.build(config.words),
            }
        )
        self._dims = {
            "face": 16 * config.face_width,
            "voice": int(config.voice["hidden_size"]),
            "words": int(config.words["hidden_size"]),
        }
        self.over_time = nn.ModuleDict(
            {
                name: nn.Conv1d(self._dims[name], config.channels, KERNEL, padding="same")
                for name in BACKBONES
            }
        )
        self.head = nn.Sequential(
            nn.Linear(len(BACKBONES) * config.channels, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, len(config.labels)),
        )

    def train(self, mode: bool = True) -> "Mer":
        """Switch dropout on or off.

        The network of faces always keeps the means and spreads of VGGFace2: those of the few
        faces of one batch would be noise.
        """
        super().train(mode)
        self.backbones["face"].eval()
        return self

    def forward(self, batch: Batch) -> Tensor:
        """Return the scores (B, 6) before the sigmoid.

        What is padding, or absent altogether, is zeros behind its backbone and is left out of the
        mean over time; a kind of evidence that is absent is all zeros.
        """
        parts = [
            self._mean("face", *self._faces(batch)),
            self._mean("voice", *self._voice(batch)),
            self._mean("words", *self._words(batch)),
        ]  # (B, channels) each
        scores: Tensor = self.head(torch.cat(parts, dim=1))  # (B, 6)
        return scores

    def _faces(self, batch: Batch) -> tuple[Tensor, Tensor]:
        there = batch.face_there  # (B, frames)
        pictures = (batch.faces[there].permute(0, 3, 1, 2).float() - 127.5) / 128  # (k, 3, S, S)
        return self._rows("face", pictures, there)

    def _voice(self, batch: Batch) -> tuple[Tensor, Tensor]:
        heard = batch.samples > 0  # (B,)
        lengths = batch.samples
        for kernel, stride in zip(
            self.config.voice["conv_kernel"], self.config.voice["conv_stride"], strict=True
        ):
            lengths = (lengths - kernel).div(stride, rounding_mode="floor") + 1
        # No mask: in its training too, sound was padded with zeros that counted.
        sound = batch.sound[heard]  # (k, samples)
        steps = self._steps("voice", sound, input_values=sound)  # (k, T, dim)
        there = torch.arange(steps.shape[1], device=lengths.device) < lengths[:, None]  # (B, T)
        rows = steps.new_zeros((len(heard), *steps.shape[1:])).index_put((heard,), steps)
        return rows, there

    def _words(self, batch: Batch) -> tuple[Tensor, Tensor]:
        there = batch.token_there  # (B, tokens)
        said = there.any(1)
        ids = batch.tokens[said]
        steps = self._steps("words", ids, input_ids=ids, attention_mask=there[said].long())
        rows = steps.new_zeros((len(said), *steps.shape[1:])).index_put((said,), steps)
        return rows, there

    def _rows(self, name: str, items: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a backbone makes of single items, at the places (B, T) that are there."""
        dim = self._dims[name]
        if len(items):
            made = self.backbones[name](items)
        else:
            made = torch.zeros((0, dim), device=there.device)  # no network takes nothing
        return made.new_zeros((*there.shape, dim)).index_put((there,), made), there

    def _steps(self, name: str, items: Tensor, **given: Tensor) -> Tensor:
        """Return what a backbone makes of sequences, none where there are none."""
        if not len(items):
            return torch.zeros((0, items.shape[1], self._dims[name]), device=items.device)
        made: Tensor = self.backbones[name](**given).last_hidden_state
        return made

    def _mean(self, name: str, rows: Tensor, there: Tensor) -> Tensor:
        """Return the mean (B, channels) over the steps that are there, after the convolution."""
        kept = there[..., None]  # (B, T, 1)
        found = self.over_time[name]((rows * kept).transpose(1, 2)).relu().transpose(1, 2)
        found = found.float()  # half precision has too few digits for a sum of 500 steps
        mean: Tensor = (found * kept).sum(1) / kept.sum(1).clamp(min=1)
        return mean


def published(device: str, shape: Shape, recipe: Recipe, labels: tuple[str, ...] = LABELS) -> Mer:
    """Return the untrained model on the published backbones; its own layers are random.

    Raises:
        WeightsError: a backbone is missing, damaged or not what it should be.
    """
    face = inception_resnet.load(device)
    voice, voice_config, normalised = distilhubert.load(device)
    words, words_config, tokenizer = albert.load(device)
    first: Any = face.conv2d_1a
    config = Config(
        face_width=first.conv.out_channels,
        voice=voice_config,
        words=words_config,
        tokenizer=tokenizer,
        shape=replace(shape, normalised=normalised),
        labels=labels,
        thresholds=(0.5,) * len(labels),
        channels=recipe.channels,
        hidden=recipe.hidden,
        dropout=recipe.dropout,
    )
    return Mer(config, {"face": face, "voice": voice, "words": words}).to(device)


def probabilities(model: Mer, batch: Batch) -> NDArray[np.float64]:
    """Return the probability (B, 6) of each label, each on its own, of a model that is ready."""
    kind = batch.samples.device.type
    with torch.inference_mode(), loop.autocast(kind, precision.of_gpu(kind)):
        scores = model(batch)
    answers: NDArray[np.float64] = scores.double().sigmoid().cpu().numpy()
    return answers


# -- files ------------------------------------------------------------------------------------


def save(model: Mer, folder: Path, training: Mapping[str, Any] | None = None) -> Path:
    """Write the weights, the config and how they were trained; return the file's path."""
    path = folder / FILE
    metadata = {"kind": KIND, "config": asdict(model.config), "training": dict(training or {})}
    checkpoint.write(path, model.state_dict(), metadata)
    return path


def read(folder: Path, device: str = "cpu") -> Mer:
    """Return the model saved in ``folder``, on ``device`` and ready to answer.

    Raises:
        WeightsError: the file is missing, damaged, or holds another model.
    """
    path = folder / FILE
    if not path.is_file():
        raise WeightsError(
            f"{folder} holds no trained model ({FILE}); train one with `vemoclap mer train`, or "
            "name the folder of one."
        )
    tensors, metadata = checkpoint.read(path, device)
    if metadata.get("kind") != KIND:
        raise WeightsError(
            f"{path} is no end-to-end model of utterances, as `vemoclap mer train` makes them; "
            "a classifier of features is for `vemoclap analyze --checkpoint`."
        )
    try:
        config = Config.of(metadata["config"])
        model = Mer(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"{path} does not say how it was made ({type(error).__name__}: {error}); train the "
            "model again."
        ) from error
    checkpoint.check(model, tensors, path)
    model.load_state_dict(tensors)
    return model.to(device).eval().requires_grad_(False)
