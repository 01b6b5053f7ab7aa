"""The cross-attention classifier of VEMOCLAP (Sulun et al. 2024, arXiv 2410.21303).

Every sequence of features looks at every other one; what each pair finds is averaged over time
and put beside the two sentiment vectors, and one linear layer makes six scores of it all. The
state-dict keys are those of the released checkpoint.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from vemoclap.errors import WeightsError
from vemoclap.records import EMOTIONS
from vemoclap.weights import checkpoint

FILE = "model.safetensors"
GRAIN = 32  # rows


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What the classifier was trained to expect of one feature."""

    space: str  # what the numbers are, to be equal to ``Feature.space``
    length: int  # rows that the classifier sees; 1: a single vector, which attends to nothing
    dim: int  # numbers per row
    minimum: float  # of the training collection: one number for all rows and columns
    maximum: float


@dataclass(frozen=True, slots=True)
class Config:
    """All that is needed to build a classifier and to feed it as in training."""

    features: Mapping[str, FeatureSpec]
    engines: Mapping[str, str]  # role -> engine, of everything upstream in training
    note: str  # how far to trust it, in plain words
    labels: tuple[str, ...] = EMOTIONS  # order of the outputs
    d_model: int = 512  # every feature is brought to this width
    heads: int = 4
    dropout: float = 0.5  # a strong one, as Ekman-6 has only 819 videos to train on
    mask: bool = False  # True: padding is left out of attention and means; False: it counts
    temperature: float = 1.0  # scores are divided by it; fitted so that probabilities come true

    @property
    def sequences(self) -> tuple[str, ...]:
        """The features that have a row per moment, sorted."""
        return tuple(sorted(name for name, spec in self.features.items() if spec.length > 1))

    @property
    def vectors(self) -> tuple[str, ...]:
        """The features that are one vector, sorted."""
        return tuple(sorted(name for name, spec in self.features.items() if spec.length == 1))

    @property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Name of each attention -> the sequence of its queries, that of its keys and values.

        A sequence that is alone attends to itself, so that it is heard.
        """
        names = self.sequences
        pairs = [(names[0], names[0])] if len(names) == 1 else permutations(names, 2)
        return {f"{query}_{context}": (query, context) for query, context in pairs}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Config":
        """Return the config that ``asdict`` and JSON turned into plain values."""
        specs = {name: FeatureSpec(**spec) for name, spec in values["features"].items()}
        return cls(**{**values, "features": specs, "labels": tuple(values["labels"])})


_SENTIMENT = "roberta/twitter-sentiment-latest/cls"
RELEASED = Config(  # of weights/classifier/model.pt in github.com/serkansulun/video-emotion
    features={
        "asr_sentiment": FeatureSpec(_SENTIMENT, 1, 768, -3.8625615, 31.99348),
        "beats": FeatureSpec("beats/iter3plus-as2m-cpt2/mean", 16, 768, -4.46773, 6.2564635),
        "clip": FeatureSpec("clip/vit-b32/openai", 16, 512, -11.513216, 5.377771),
        "face_emotion": FeatureSpec(
            "vit-face-expression/last-block-cls", 16, 768, -93.499756, 83.87972
        ),
        "ocr_sentiment": FeatureSpec(_SENTIMENT, 1, 768, -3.5364149, 31.442732),
    },
    engines={
        "faces": "yolo-face",
        "expression": "vit-expression",
        "image": "clip",
        "sound": "beats",
        "transcribe": "whisper",
        "ocr": "paddleocr",
        "language": "xlm-r",
        "translate": "nllb",
        "segment": "symspellpy",
        "spell": "t5-spell",
        "sentiment": "roberta",
    },
    note=(
        "The paper's classifier, trained on Ekman-6; it names the right one of six emotions for "
        "65 of 100 of that collection's test videos."  # 65.28 %, arXiv 2410.21303, section III
    ),
)


def differences(config: Config, engines: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each role that another engine filled when training.

    A role that is empty here is not named: its feature is absent, which its status says.
    """
    return tuple(
        f"The classifier was trained on what {trained} gives for {role}, and here it was given "
        f"that of {engines[role]}; its answer may be less reliable."
        for role, trained in config.engines.items()
        if role in engines and engines[role] != trained
    )


# -- the model --------------------------------------------------------------------------------


class Classifier(nn.Module):
    """The network that trains, is evaluated and answers; ``inputs.assemble`` feeds it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.d_model
        names, pairs = config.sequences, config.pairs
        self.config = config
        self.encoders = nn.ModuleDict(
            {name: nn.Linear(spec.dim, d) for name, spec in config.features.items()}
        )
        self.query_proj = nn.ModuleDict({name: nn.Linear(d, d) for name in names})
        self.key_proj = nn.ModuleDict({name: nn.Linear(d, d) for name in names})
        self.value_proj = nn.ModuleDict({name: nn.Linear(d, d) for name in names})
        self.attention_layers = nn.ModuleDict(  # for their weights; see `_attention`
            {pair: nn.MultiheadAttention(d, config.heads) for pair in pairs}
        )
        self.attn_norms = nn.ModuleDict({pair: nn.LayerNorm(d) for pair in pairs})
        self.dropout = Dropout(config.dropout)
        width = d * (len(pairs) + len(config.vectors))  # 512 * 8 = 4096
        self.cls_mlp = nn.Sequential(nn.Linear(width, len(config.labels)))

    def forward(
        self, values: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Return the scores (B, 6) before the softmax.

        Args:
            values: feature -> (B, length, dim), normalised and padded.
            present: feature -> (B, length), False where padded; needed if the config masks.
        """
        return self.attend(values, present).scores

    def attend(
        self, values: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> "Attended":
        """Return the scores and, for each pair, how much each row attended to each other.

        Linear layers see only the rows that count, side by side without a batch: where padding is
        masked that spares a quarter of the work for videos of usual lengths.
        """
        drop, vectors = self.dropout, self.config.vectors
        rows = {name: value.flatten(0, 1) for name, value in values.items()}  # (B * length, dim)
        if self.config.mask:
            if present is None:
                raise ValueError("this classifier masks padding, so it must be told where it is")
            valid = {name: present[name] for name in self.encoders}  # (B, length)
            rows = {name: _unpadded(rows[name], mask) for name, mask in valid.items()}  # (R, dim)
        else:
            valid = {name: values[name].new_ones(values[name].shape[:2]) > 0 for name in rows}
        encoded = {name: drop(layer(rows[name])) for name, layer in self.encoders.items()}  # (R, d)
        projected = [
            {name: drop(layer(encoded[name])) for name, layer in layers.items()}
            for layers in (self.query_proj, self.key_proj, self.value_proj)
        ]
        parts = {name: _padded(encoded[name], valid[name])[:, 0] for name in vectors}  # (B, d)
        attention = {}
        for pair, (query, context) in self.config.pairs.items():
            parts[pair], attention[pair] = self._attention(
                pair, projected, valid[query], valid[context]
            )
        fused = torch.cat([parts[name] for name in sorted(parts)], dim=1)  # (B, 8 d)
        return Attended(self.cls_mlp(fused.relu()) / self.config.temperature, attention)

    def _attention(
        self,
        pair: str,
        projected: Sequence[Mapping[str, Tensor]],
        query_mask: Tensor,
        context_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return what one sequence found in another (B, d), and where it looked (B, length).

        As ``nn.MultiheadAttention`` does it, but on rows without padding.
        """
        query, context = self.config.pairs[pair]
        layer: Any = self.attention_layers[pair]
        q, k, v = (  # (B, heads, length, d / heads)
            _padded(linear(rows[name], weight, bias), mask)
            .view(*mask.shape, self.config.heads, -1)
            .transpose(1, 2)
            for rows, name, mask, weight, bias in zip(
                projected,
                (query, context, context),
                (query_mask, context_mask, context_mask),
                layer.in_proj_weight.chunk(3),
                layer.in_proj_bias.chunk(3),
                strict=True,
            )
        )
        anything = context_mask.any(1, keepdim=True)  # (B, 1)
        # A softmax over nothing is NaN, so where all is padding nothing is masked here, and the
        # result is left out of the mean.
        padding_mask = (~context_mask & anything)[:, None, None]  # (B, 1, 1, length of context)
        likeness = (q @ k.transpose(2, 3)) / math.sqrt(q.shape[3])
        weights = likeness.masked_fill(padding_mask, -math.inf).softmax(3)
        found = layer.out_proj((self.dropout(weights) @ v).transpose(1, 2).flatten(2))
        found = self.dropout(self.attn_norms[pair](found))  # (B, length of query, d)
        valid_mask = query_mask & anything
        return masked_mean(found, valid_mask), masked_mean(weights.detach().mean(1), valid_mask)


class Dropout(nn.Dropout):
    """Dropout in a quarter of torch's own time on a CPU: 16 random bits per number, not 64.

    The rate is rounded to a multiple of 2 ** -16; 0.5 is exact.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows with a share of their numbers 0, and the others larger to make up for it."""
        if rows.device.type != "cpu" or not self.training or not 0 < self.p < 1:
            return super().forward(rows)
        size, steps = rows.numel(), round(self.p * 2**16)
        noise = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None)
        kept = noise.view(torch.int16)[:size].view(rows.shape) >= steps - 2**15
        return rows * kept.to(rows.dtype).mul_(2**16 / (2**16 - steps))


@dataclass(frozen=True, slots=True)
class Attended:
    """What the classifier answered and where it looked."""

    scores: Tensor  # (B, 6)
    attention: Mapping[str, Tensor]  # pair -> (B, length of context): mean over heads and queries


def _unpadded(rows: Tensor, mask: Tensor) -> Tensor:
    """Return those of rows (B * length, d) at which ``mask`` (B, length) is True, (R, d).

    Row 0 follows up to a multiple of ``GRAIN``, as a product of matrices of a shape that was not
    seen before takes longer.
    """
    places = mask.flatten().nonzero()[:, 0]
    return rows[pad(places, (0, -len(places) % GRAIN))]


def _padded(rows: Tensor, mask: Tensor) -> Tensor:
    """Return rows (R, d) at their places in zeros (B, length, d)."""
    real = rows[: int(mask.sum())]
    return real.new_zeros(*mask.shape, rows.shape[1]).index_put((mask,), real)


def masked_mean(rows: Tensor, valid_mask: Tensor) -> Tensor:
    """Return the mean (B, d) of rows (B, T, d) over those that are valid (B, T), else zeros."""
    kept = valid_mask[..., None].to(rows.dtype)  # (B, T, 1)
    return (rows * kept).sum(1) / kept.sum(1).clamp(min=1)


# -- files ------------------------------------------------------------------------------------


def save(model: Classifier, folder: Path, training: Mapping[str, Any] | None = None) -> Path:
    """Write the weights, the config and how they were trained; return the file's path."""
    path = folder / FILE
    metadata = {"config": asdict(model.config), "training": dict(training or {})}
    checkpoint.write(path, model.state_dict(), metadata)
    return path


def read(folder: Path, device: str = "cpu") -> Classifier:
    """Return the classifier saved in ``folder``, on ``device`` and ready to answer.

    Raises:
        WeightsError: the file is missing, damaged, or its tensors do not fit its config.
    """
    path = folder / FILE
    tensors, metadata = checkpoint.read(path, device)
    if metadata.get("kind") == "mer":
        raise WeightsError(
            f"{path} is an end-to-end model of utterances; it is for `vemoclap timeline --model "
            "mer --checkpoint`, and here a classifier that `vemoclap train` made is needed."
        )
    try:
        config = Config.of(metadata["config"])
    except (KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not say how it was made ({type(error).__name__}: {error}); "
            "download or train the classifier again."
        ) from error
    with torch.device("meta"):
        model = Classifier(config)
    checkpoint.check(model, tensors, path)
    model.load_state_dict(tensors, assign=True)
    return model.eval().requires_grad_(False)


def convert(source: Path, target: Path) -> None:
    """Write the released ``model.pt`` at ``source`` as safetensors with the released config.

    Raises:
        WeightsError: it is damaged, asks for code to be run, or is not the released classifier.
    """
    tensors = checkpoint.read_pickle(source)
    if not isinstance(tensors, dict):
        raise WeightsError(f"{source} does not hold the classifier's weights; download it again.")
    with torch.device("meta"):
        model = Classifier(RELEASED)
    checkpoint.check(model, tensors, source)
    checkpoint.write(target, tensors, {"config": asdict(RELEASED)})
