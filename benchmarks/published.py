"""The paper's models at their published sizes, with random weights.

No machine that tests this project holds the real weights. ``skeleton`` is a model without memory,
for counting; ``write`` lays random weights out as they are published, so that the engines
themselves load them. Tokenizers and other small files are those of ``tests/hub``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.golden.pattern import golden
from tests.hub import classifier as hub_classifier
from tests.hub import pictures, sound, speech, texts
from vemoclap.classifier import model as classifier_model
from vemoclap.engines import beats, clipcap, vit_expression, whisper
from vemoclap.weights import cache, checkpoint

# Whisper's sizes as published: mels, width, heads, layers, words. Large-v3 is the paper's, and
# its larger tables of mels and words came with it.
WHISPERS = {
    "tiny": (80, 384, 6, 4, 51865),
    "base": (80, 512, 8, 6, 51865),
    "small": (80, 768, 12, 12, 51865),
    "medium": (80, 1024, 16, 24, 51865),
    "large-v3": (128, 1280, 20, 32, 51866),
}
PAPERS_WHISPER = "large-v3"

# What every encoder of BERT's base size has in common.
_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
_READER = {**_BASE, "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1}


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the paper preset."""

    role: str
    build: Callable[[], nn.Module]  # what the engine keeps in memory
    write: Callable[[Path], None]  # the files that the engine reads
    miniature: Callable[[Path], None]  # the same of the tests' tiny model
    companion: str | None = None  # another artefact that its engine needs


def skeleton(artefact: str) -> nn.Module:
    """Return a model of the published size whose weights take no memory."""
    with torch.device("meta"):
        return MODELS[artefact].build()


def parameters(model: nn.Module) -> int:
    """Return how many numbers were learnt or are stored with them, what is shared once.

    Whisper's table of positions is no parameter in OpenAI's code but is in its file.
    """
    tables = [tensor for name, tensor in model.named_buffers() if name.endswith("_embedding")]
    return sum(tensor.numel() for tensor in (*model.parameters(), *tables))


def bytes_on(artefact: str, device: str) -> int:
    """Return the memory that the weights take once the engine has loaded them (computed)."""
    model = skeleton(artefact)
    on_gpu = device.startswith("cuda")
    single = in_single_precision(model) if on_gpu else None
    held = sum(
        tensor.numel() * (4 if single is None or name in single else 2)
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if tensor.is_floating_point()
    )
    return held if on_gpu else held + 4 * _words_written(model)


def _words_written(model: nn.Module) -> int:
    """Return the numbers of a table of words that a model reads and writes with; 0 without one.

    On a CPU it is there twice, once more in the order in which products read it (``linear.py``).
    """
    from whisper.model import Whisper

    if isinstance(model, Whisper):  # which multiplies by the table itself
        return model.decoder.token_embedding.weight.numel()
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    layers = (part for part in model.modules() if isinstance(part, nn.Linear))
    return sum(layer.weight.numel() for layer in layers if id(layer.weight) in tables)


def in_single_precision(model: nn.Module) -> set[str]:
    """Return the names of what stays in single precision on a GPU."""
    from whisper.model import Whisper

    if isinstance(model, classifier_model.Classifier):
        return {name for name, _ in model.named_parameters()}
    if isinstance(model, Whisper):
        norms = [name for name, part in model.named_modules() if isinstance(part, nn.LayerNorm)]
        return {f"{name}.{part}" for name in norms for part in ("weight", "bias")}
    kept = getattr(model, "_keep_in_fp32_modules", None) or ()  # "wo" of T5, which overflows
    return {name for name, _ in model.named_parameters() if set(name.split(".")) & set(kept)}


def write(artefact: str) -> None:
    """Write the files of an artefact where the engines look for it, and its companion's."""
    model = MODELS[artefact]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model.write(cache.place(artefact))
    if model.companion is not None:
        _COMPANIONS[model.companion](cache.place(model.companion))


def write_small(artefact: str) -> None:
    """Write the miniature of an artefact that the tests use, to see that a benchmark works."""
    model, folder = MODELS[artefact], cache.place(artefact)
    model.miniature(folder)
    if artefact == "clipcap":
        clipcap.convert(folder / "conceptual_weights.pt", folder / clipcap.CONVERTED)
    if model.companion is not None:
        small = {"gpt2": pictures.build_gpt2, "audioset-ontology": sound.build_audioset_ontology}
        small[model.companion](cache.place(model.companion))


# -- pictures ---------------------------------------------------------------------------------


def _yolo() -> nn.Module:
    pictures.quiet_ultralytics()
    # It runs once while it is made; and its classes hold tensors, made when they are imported.
    with torch.device("cpu"):
        from ultralytics.nn.tasks import DetectionModel

        model: nn.Module = DetectionModel("yolov8n.yaml", ch=3, nc=1, verbose=False)
    return model


def _vit_config() -> Any:
    from transformers import ViTConfig

    labels = pictures.LABELS
    return ViTConfig(
        **_BASE,
        image_size=vit_expression.SIDE,
        patch_size=16,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )


def _clip_config() -> Any:
    from transformers import CLIPConfig

    vision = {**_BASE, "patch_size": 32, "image_size": 224, "projection_dim": 512}
    return CLIPConfig(vision_config=vision, projection_dim=512)


def _clip() -> nn.Module:
    from transformers import CLIPVisionModelWithProjection

    model: nn.Module = CLIPVisionModelWithProjection(_clip_config().vision_config)
    return model


def _write_clip(folder: Path) -> None:
    # Without the half that reads text, which the engine leaves in the file.
    _clip().save_pretrained(folder)  # type: ignore[operator]
    _clip_config().save_pretrained(folder)


def _gpt2_config() -> Any:
    from transformers import GPT2Config

    return GPT2Config(vocab_size=50257, n_positions=1024, n_embd=768, n_layer=12, n_head=12)


def _clipcap() -> nn.Module:
    from transformers import GPT2LMHeadModel

    width = clipcap.PREFIX_LENGTH * 768
    project = nn.Sequential(nn.Linear(512, width // 2), nn.Tanh(), nn.Linear(width // 2, width))
    return nn.ModuleDict(
        {
            "clip_project": nn.ModuleDict({"model": project}),
            "gpt": GPT2LMHeadModel(_gpt2_config()),
        }
    )


def _write_clipcap(folder: Path) -> None:
    tensors = {key: value for key, value in _clipcap().state_dict().items() if key != clipcap.HEAD}
    checkpoint.write(folder / clipcap.CONVERTED, tensors, {"model": "clipcap/conceptual"})


def _write_gpt2(folder: Path) -> None:
    pictures.build_gpt2(folder)
    _gpt2_config().to_json_file(folder / "config.json")


# -- sound ------------------------------------------------------------------------------------


def _beats() -> nn.Module:
    return beats.Beats(beats.Config.of(golden("beats_published_shapes")["cfg"], Path("beats.pt")))


def _tags() -> dict[str, str]:
    return {str(index): f"/m/{index}" for index in range(527)}


def _write_beats(folder: Path) -> None:
    metadata = {"cfg": golden("beats_published_shapes")["cfg"], "label_dict": _tags()}
    checkpoint.write(folder / beats.CONVERTED, _beats().state_dict(), metadata)


def _write_ontology(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = [{"id": tag, "name": f"Sound {index}"} for index, tag in _tags().items()]
    (folder / "ontology.json").write_text(json.dumps(names), "utf-8")


def whisper_dims(size: str) -> dict[str, int]:
    """Return the sizes in OpenAI's file of a Whisper."""
    mels, width, heads, layers, words = WHISPERS[size]
    both = {"state": width, "head": heads, "layer": layers}
    return {
        "n_mels": mels,
        "n_vocab": words,
        **{f"n_audio_{key}": value for key, value in {"ctx": 1500, **both}.items()},
        **{f"n_text_{key}": value for key, value in {"ctx": 448, **both}.items()},
    }


def build_whisper(size: str) -> nn.Module:
    """Return a Whisper; without the table for times of words, which the engine does not make."""
    from whisper import model as library

    class Whisper(library.Whisper):
        def __init__(self, dims: Any) -> None:
            nn.Module.__init__(self)
            audio = (dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
            text = (dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer)
            self.encoder = library.AudioEncoder(dims.n_mels, *audio)
            self.decoder = library.TextDecoder(dims.n_vocab, *text)

    return Whisper(library.ModelDimensions(**whisper_dims(size)))


def write_whisper(folder: Path, size: str = PAPERS_WHISPER) -> None:
    """Write a Whisper of a published size under the name of the paper's, in half precision."""
    with torch.device("meta"):
        shapes = build_whisper(size).state_dict()
    # Straight to half precision: torch's own way would need 6 GB first.
    tensors = {key: _random(key, value.shape) for key, value in shapes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    found = {"dims": whisper_dims(size), "model_state_dict": tensors}
    torch.save(found, folder / whisper.FILE)


def _random(key: str, shape: torch.Size) -> torch.Tensor:
    """Return weights that neither grow nor vanish on their way through the layers."""
    if key.endswith("bias"):
        return torch.zeros(shape, dtype=torch.float16)
    if len(shape) == 1:  # of a layer norm
        return torch.ones(shape, dtype=torch.float16)
    return torch.empty(shape, dtype=torch.float16).normal_(std=0.02)


# -- words ------------------------------------------------------------------------------------


def _labels(names: Any) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def _xlm_r() -> Any:
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    config = XLMRobertaConfig(vocab_size=250002, **_READER, **_labels(texts.LANGUAGES))
    return XLMRobertaForSequenceClassification(config)


def _roberta() -> Any:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    config = RobertaConfig(vocab_size=50265, **_READER, **_labels(texts.SENTIMENTS))
    return RobertaForSequenceClassification(config)


def _nllb() -> Any:
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    both = {"layers": 12, "attention_heads": 16, "ffn_dim": 4096}
    halves = {f"{half}_{key}": n for half in ("encoder", "decoder") for key, n in both.items()}
    config = M2M100Config(
        vocab_size=256206,
        d_model=1024,
        **halves,
        max_position_embeddings=1024,
        scale_embedding=True,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    return M2M100ForConditionalGeneration(config)


def _t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=32128,
        d_model=1024,
        d_kv=64,
        d_ff=4096,
        num_layers=24,
        num_heads=16,
        feed_forward_proj="relu",
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config)


def _transformer(role: str, build: Callable[[], Any], miniature: Callable[[Path], None]) -> Model:
    """Return a model whose files are the small ones of the miniature and large weights."""

    def write_large(folder: Path) -> None:
        miniature(folder)
        for name in ("pytorch_model.bin", "model.safetensors"):
            (folder / name).unlink(missing_ok=True)
        model = build()
        if model.config.is_encoder_decoder:
            # No text may end before its time: an end of score 0 is never the best of thousands.
            with torch.no_grad():
                model.get_input_embeddings().weight[model.config.eos_token_id] = 0
        model.save_pretrained(folder)

    return Model(role, build, write_large, miniature)


def _vit() -> Any:
    from transformers import ViTForImageClassification

    return ViTForImageClassification(_vit_config())


# -- the table --------------------------------------------------------------------------------

MODELS = {
    "yolo-face": Model("faces", _yolo, pictures.build_yolo_face, pictures.build_yolo_face),
    "vit-expression": _transformer("expression", _vit, pictures.build_vit_expression),
    "clip": Model("image", _clip, _write_clip, pictures.build_clip),
    "clipcap": Model("caption", _clipcap, _write_clipcap, pictures.build_clipcap, "gpt2"),
    "beats": Model("sound", _beats, _write_beats, sound.build_beats, "audioset-ontology"),
    "whisper-large-v3": Model(
        "transcribe",
        lambda: build_whisper(PAPERS_WHISPER),
        write_whisper,
        speech.build_whisper_large_v3,
    ),
    "xlm-r": _transformer("language", _xlm_r, texts.build_xlm_r),
    "nllb": _transformer("translate", _nllb, texts.build_nllb),
    "t5-spell": _transformer("spell", _t5, texts.build_t5_spell),
    "roberta": _transformer("sentiment", _roberta, texts.build_roberta),
    "cross-attention": Model(
        "emotion",
        lambda: classifier_model.Classifier(classifier_model.RELEASED),
        hub_classifier.build_cross_attention,
        hub_classifier.build_cross_attention,
    ),
}
_COMPANIONS = {"gpt2": _write_gpt2, "audioset-ontology": _write_ontology}
