"""The cross-attention classifier of VEMOCLAP (Sulun et al. 2024, arXiv 2410.21303).

Every sequence of features looks at every other one; what each pair finds is averaged over time
and put beside the two sentiment vectors, and one linear layer makes six scores of it all. The
state-dict keys are those of the released checkpoint.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vemoclap.errors import WeightsError
from vemoclap.records import EMOTIONS
from vemoclap.weights import checkpoint

FILE = "model.safetensors"


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
        """Name of each attention -> the sequence that asks, the one that gives.

        A sequence that is alone asks itself, so that it is heard.
        """
        names = self.sequences
        pairs = [(names[0], names[0])] if len(names) == 1 else permutations(names, 2)
        return {f"{asks}_{gives}": (asks, gives) for asks, gives in pairs}

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
    """The network; see ``tensors.assemble`` for what it is fed."""

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
        self.attention_layers = nn.ModuleDict(
            {
                pair: nn.MultiheadAttention(d, config.heads, config.dropout, batch_first=True)
                for pair in pairs
            }
        )
        self.attn_norms = nn.ModuleDict({pair: nn.LayerNorm(d) for pair in pairs})
        self.dropout = nn.Dropout(config.dropout)
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
        return self._run(values, present, want_attention=False).scores

    def attend(
        self, values: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> "Attended":
        """Return the scores and, for each pair, how much each row attended to each other."""
        return self._run(values, present, want_attention=True)

    def _run(
        self,
        values: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None,
        *,
        want_attention: bool,
    ) -> "Attended":
        if self.config.mask and present is None:
            raise ValueError("this classifier masks padding, so it must be told where it is")
        masks = present if self.config.mask else None
        drop = self.dropout
        encoded = {  # feature -> (B, length, d)
            name: drop(encoder(values[name])) for name, encoder in self.encoders.items()
        }
        queries, keys, answers = (
            {name: drop(proj(encoded[name])) for name, proj in projections.items()}
            for projections in (self.query_proj, self.key_proj, self.value_proj)
        )
        parts = {name: encoded[name][:, 0] for name in self.config.vectors}  # (B, d)
        if masks is not None:
            parts = {name: part * masks[name] for name, part in parts.items()}
        attention = {}
        for pair, (asks, gives) in self.config.pairs.items():
            hidden, awake = None, None
            if masks is not None:
                awake = masks[asks] & masks[gives].any(1, keepdim=True)  # (B, length of asks)
                # A softmax over nothing is NaN, so where all is padding nothing is hidden here
                # and the result is left out below.
                hidden = ~masks[gives] & masks[gives].any(1, keepdim=True)  # (B, length of gives)
            found, weights = self.attention_layers[pair](
                queries[asks],
                keys[gives],
                answers[gives],
                key_padding_mask=hidden,
                need_weights=want_attention,
                average_attn_weights=True,
            )  # (B, length of asks, d), (B, length of asks, length of gives)
            parts[pair] = _mean(drop(self.attn_norms[pair](found)), awake)  # (B, d)
            if want_attention:
                attention[pair] = _mean(weights, awake)  # (B, length of gives)
        fused = torch.cat([parts[name] for name in sorted(parts)], dim=1)  # (B, 8 d)
        return Attended(self.cls_mlp(fused.relu()) / self.config.temperature, attention)


@dataclass(frozen=True, slots=True)
class Attended:
    """What the classifier answered and where it looked."""

    scores: Tensor  # (B, 6)
    # pair -> (B, length of the one that answers): mean over heads and over the rows that ask
    attention: Mapping[str, Tensor] = field(default_factory=dict)


def _mean(rows: Tensor, awake: Tensor | None) -> Tensor:
    """Return the mean (B, D) of rows (B, T, D): of all, or of those awake (B, T), else zeros."""
    if awake is None:
        return rows.mean(1)
    kept = awake[..., None].to(rows.dtype)  # (B, T, 1)
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
