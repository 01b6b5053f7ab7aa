"""BEATs, which hears 527 kinds of sound (Chen et al. 2022, https://arxiv.org/abs/2212.09058).

A compact module for inference with the state-dict keys of the published checkpoints: a mel
filterbank is cut into patches of 16 x 16, and a transformer with gated relative positions reads
them as one sequence. Here it is the iter3+ model fine-tuned on AudioSet-2M (cpt2), whose feature
is the encoder's last output averaged over time.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vemoclap.engines import linear
from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import SAMPLE_RATE, Floats, Heard, Tag
from vemoclap.weights import cache as weights_cache
from vemoclap.weights import checkpoint

NAME = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2"
CONVERTED = f"{NAME}.safetensors"
SPACE = "beats/iter3plus-as2m-cpt2/mean"  # what the vectors are, for the classifier
MELS = 128
FBANK_MEAN = 15.41663  # of AudioSet's log mel energies, from the published training code
FBANK_STD = 6.55582
SCALE = 2**15  # Kaldi's filterbank expects 16-bit sample values
TAGS = 5

# Of a window of 3 s, 144 patches: a layer's inner 3072 numbers, twice, and the position bias of
# its 12 heads. Measured 9 MB.
APPETITE = Appetite(bytes_per_item=12_000_000, most=32)


# -- the filterbank ---------------------------------------------------------------------------


def filterbank(waveforms: Floats) -> Tensor:
    """Return the normalised log mel energies (B, T, 128) of sounds (B, samples) at 16 kHz.

    Frames are 25 ms long and 10 ms apart, only whole ones: 3 seconds give T = 298. Kaldi's
    filterbank with a Povey window and no dither, so that the same sound always gives the same. Of
    the lowest bands some lie between two bins of the FFT, and their energy is the floor.
    """
    from kaldi_native_fbank import FbankOptions, OnlineFbank

    options = FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.window_type = "povey"
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = MELS
    mels = []
    for waveform in np.asarray(waveforms, np.float32) * SCALE:
        bank = OnlineFbank(options)
        bank.accept_waveform(SAMPLE_RATE, waveform)
        bank.input_finished()
        mels.append([bank.get_frame(frame) for frame in range(bank.num_frames_ready)])
    return torch.from_numpy((np.array(mels, np.float32) - FBANK_MEAN) / (2 * FBANK_STD))


# -- the model --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a BEATs, named as in the checkpoint's own ``cfg``."""

    input_patch_size: int  # 16: side of a patch, in frames and in mel bins
    embed_dim: int  # 512: of a patch, before the encoder
    encoder_layers: int  # 12
    encoder_embed_dim: int  # 768: of the features
    encoder_ffn_embed_dim: int  # 3072
    encoder_attention_heads: int  # 12
    conv_pos: int  # 128: width of the convolution that tells positions, in patches
    conv_pos_groups: int  # 16
    num_buckets: int  # 320: kinds of distance between two patches
    max_distance: int  # 800: patches farther apart than this share one kind
    predictor_class: int  # 527: AudioSet's tags
    conv_bias: bool = False

    @classmethod
    def of(cls, cfg: Mapping[str, Any], path: Path) -> "Config":
        """Return the sizes in a checkpoint's ``cfg``.

        Raises:
            WeightsError: it lacks a size or describes another architecture.
        """
        for key, value in _ARCHITECTURE.items():
            if cfg.get(key) != value:
                raise WeightsError(
                    f"{path} holds a BEATs with {key} = {cfg.get(key)!r}, and only {value!r} is "
                    f"understood; use the published {NAME}.pt."
                )
        names = cls.__dataclass_fields__
        if lacking := [name for name in names if name not in cfg and name != "conv_bias"]:
            raise WeightsError(
                f"{path} does not say {', '.join(lacking)}; use the published {NAME}.pt."
            )
        return cls(**{name: cfg[name] for name in names if name in cfg})


_ARCHITECTURE = {  # what this module implements, and the published checkpoint states
    "activation_fn": "gelu",
    "layer_norm_first": False,
    "deep_norm": True,
    "relative_position_embedding": True,
    "gru_rel_pos": True,
    "finetuned_model": True,
}


class Beats(nn.Module):
    """The encoder and the predictor of tags."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        size, dim = config.input_patch_size, config.embed_dim
        self.patch_embedding = nn.Conv2d(1, dim, size, stride=size, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(dim)
        self.post_extract_proj = nn.Linear(dim, config.encoder_embed_dim)
        self.encoder = Encoder(config)
        self.predictor = nn.Linear(config.encoder_embed_dim, config.predictor_class)

    def forward(self, mels: Tensor) -> Tensor:
        """Return the encoder's last output (B, P, D) for a normalised filterbank (B, T, 128)."""
        patches = self.patch_embedding(mels[:, None])  # (B, embed_dim, T / 16, 8)
        patches = patches.flatten(2).transpose(1, 2)  # (B, P, embed_dim), eight of each moment
        encoded: Tensor = self.encoder(self.post_extract_proj(self.layer_norm(patches)))
        return encoded  # (B, P, D)


class Encoder(nn.Module):
    """A transformer that normalises after each step."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionConvolution(config))
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim)
        # One table for all layers, which the checkpoint repeats in each.
        table = nn.Embedding(config.num_buckets, config.encoder_attention_heads)
        self.layers = nn.ModuleList(Layer(config, table) for _ in range(config.encoder_layers))
        self.num_buckets = config.num_buckets
        self.max_distance = config.max_distance

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoded sequence (B, P, D) of a sequence (B, P, D)."""
        x = self.layer_norm(x + self.pos_conv(x))  # (B, P, D)
        kinds = buckets(x.shape[1], self.num_buckets, self.max_distance).to(x.device)  # (P, P)
        first = self.layers[0]
        assert isinstance(first, Layer)  # for mypy
        bias = first.self_attn.relative_attention_bias(kinds).permute(2, 0, 1)  # (heads, P, P)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class PositionConvolution(nn.Module):
    """A wide convolution over the sequence, its weight split into length and direction."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, width, groups = config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, width))  # length, one per tap
        self.weight_v = nn.Parameter(torch.randn(dim, dim // groups, width))  # direction
        self.bias = nn.Parameter(torch.zeros(dim))
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Return what stands around each position: (B, P, D) -> (B, P, D)."""
        length = self.weight_v.norm(dim=(0, 1), keepdim=True)  # (1, 1, width)
        weight = self.weight_v * (self.weight_g / length)  # (D, D / groups, width)
        width = weight.shape[2]
        y = functional.conv1d(
            x.transpose(1, 2), weight, self.bias, padding=width // 2, groups=self.groups
        )
        y = y[:, :, : x.shape[1]]  # an even width gives one position too many
        return functional.gelu(y).transpose(1, 2)  # (B, P, D)


class Layer(nn.Module):
    """Attention and a feed-forward net, with residuals scaled up (DeepNorm)."""

    def __init__(self, config: Config, table: nn.Embedding) -> None:
        super().__init__()
        dim, inner = config.encoder_embed_dim, config.encoder_ffn_embed_dim
        self.self_attn = Attention(config, table)
        self.self_attn_layer_norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, inner)
        self.fc2 = nn.Linear(inner, dim)
        self.final_layer_norm = nn.LayerNorm(dim)
        # DeepNorm, https://arxiv.org/abs/2203.00555, table 1, encoder only.
        self.alpha = (2 * config.encoder_layers) ** 0.25

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return the next sequence (B, P, D), given the bias (heads, P, P) of positions."""
        x = self.self_attn_layer_norm(x * self.alpha + self.self_attn(x, bias))
        fed: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return cast(Tensor, self.final_layer_norm(x * self.alpha + fed))


class Attention(nn.Module):
    """Self-attention whose position bias each query turns up or down (a gate as in a GRU)."""

    def __init__(self, config: Config, table: nn.Embedding) -> None:
        super().__init__()
        dim, heads = config.encoder_embed_dim, config.encoder_attention_heads
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)
        self.grep_linear = nn.Linear(dim // heads, 8)  # two gates, each the sum of four outputs
        self.grep_a = nn.Parameter(torch.ones(1, heads, 1, 1))
        self.relative_attention_bias = table
        self.heads = heads

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return what each position gathers (B, P, D), given the bias (heads, P, P)."""
        q, k, v = (
            proj(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, P, D / heads)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        gates = self.grep_linear(q).unflatten(3, (2, 4)).sum(4).sigmoid()  # (B, heads, P, 2)
        update, reset = gates.split(1, dim=3)  # (B, heads, P, 1) each
        gate = update * (reset * self.grep_a - 1.0) + 2.0
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=gate * bias)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out  # (B, P, D)


def buckets(count: int, num_buckets: int, max_distance: int) -> Tensor:
    """Return the kind (count, count) of the way from each position (row) to each other (column).

    Half of the kinds are for ways back, half for ways ahead. In each half, short distances have
    a kind of their own and longer ones share kinds on a logarithmic scale, as in T5.
    """
    here = torch.arange(count)
    way = here[None] - here[:, None]  # (count, count)
    half = num_buckets // 2
    own = half // 2
    distance = way.abs()
    scale = torch.log(distance.clamp(min=1).float() / own) / math.log(max_distance / own)
    shared = (own + (scale * (half - own)).long()).clamp(max=half - 1)
    return (way > 0) * half + torch.where(distance < own, distance, shared)


# -- files ------------------------------------------------------------------------------------


def convert(source: Path, target: Path) -> None:
    """Write the published ``.pt`` file at ``source`` as safetensors with its cfg and labels.

    Raises:
        WeightsError: it is damaged, asks for code to be run, or is not a BEATs of this kind.
    """
    found = checkpoint.read_pickle(source)
    if not isinstance(found, dict) or not {"cfg", "model", "label_dict"} <= found.keys():
        raise WeightsError(f"{source} lacks cfg, model or label_dict; use the published {NAME}.pt.")
    with torch.device("meta"):
        model = Beats(Config.of(found["cfg"], source))
    checkpoint.check(model, found["model"], source)
    labels = {str(index): label for index, label in found["label_dict"].items()}
    checkpoint.write(target, found["model"], {"cfg": found["cfg"], "label_dict": labels})


def read(path: Path, device: str) -> tuple[Beats, tuple[str, ...]]:
    """Return the model in a converted file, on ``device``, and the AudioSet id of each output.

    It is in half precision on a GPU and in single precision elsewhere.

    Raises:
        WeightsError: the file is missing, damaged or not a BEATs.
    """
    tensors, metadata = checkpoint.read(path, device)
    if not {"cfg", "label_dict"} <= metadata.keys():
        raise WeightsError(f"{path} lacks its cfg or label_dict; download BEATs again.")
    config = Config.of(metadata["cfg"], path)
    with torch.device("meta"):
        model = Beats(config)
    checkpoint.check(model, tensors, path)
    model.load_state_dict(tensors, assign=True)
    model.eval().requires_grad_(False)
    labels = metadata["label_dict"]
    if set(labels) != {str(index) for index in range(config.predictor_class)}:
        raise WeightsError(f"{path} does not name all of its tags; download BEATs again.")
    ids = tuple(str(labels[str(index)]) for index in range(config.predictor_class))
    return (model.half() if device.startswith("cuda") else model), ids


def names(path: Path) -> dict[str, str]:
    """Return the name of every AudioSet id in the ontology's file."""
    try:
        return {entry["id"]: entry["name"] for entry in json.loads(path.read_text("utf-8"))}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"{path} is not the AudioSet ontology ({type(error).__name__}: {error}); "
            "download it again."
        ) from error


# -- the role ---------------------------------------------------------------------------------


def load(device: str) -> Callable[[Floats], Heard]:
    """Return the role's callable: audio windows (m, samples) -> vectors (m, 768) and tags.

    The tags are the five most likely of the mean of the windows' vectors.
    """
    weights_cache.use_offline()
    model, ids = read(weights_cache.folder("beats") / CONVERTED, device)
    ontology = names(weights_cache.folder("audioset-ontology") / "ontology.json")
    if lacking := [key for key in ids if key not in ontology]:
        raise EngineError(f"The AudioSet ontology has no {lacking[0]}; download both again.")
    dtype = next(model.parameters()).dtype
    if device == "cpu":
        linear.prepare(model)

    def vectors(mels: Sequence[Tensor]) -> list[Tensor]:  # (T, 128) each -> (D,) each
        encoded = model(torch.stack(list(mels)).to(device, dtype))  # (b, P, D)
        return list(encoded.float().mean(1).cpu())

    @torch.inference_mode()
    def hear(windows: Floats) -> Heard:
        features = torch.stack(
            in_batches(vectors, list(filterbank(windows)), APPETITE, device)
        )  # (m, D)
        logits = model.predictor(features.mean(0).to(device, dtype))  # (classes,)
        best = logits.float().sigmoid().cpu().topk(min(TAGS, len(ids)))
        tags = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return Heard(
            vectors=features.numpy(),
            tags=tuple(Tag(ontology[ids[index]], probability) for index, probability in tags),
        )

    return hear
