"""Miniature models of the roles that look at pictures, under their published names and layouts.

Each builder writes what the real repository holds, with the real file names and keys, but tiny
and random (seeded, so always the same). Only sizes that features depend on are the real ones.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")  # in published order
GPT2_WIDTH = 64  # 768 in the real one; ClipCap's two layers would take 126 MB with it
TEXT = " a man and a woman eat in the kitchen. a dog runs on the beach. people dance."
REACH = (3, 2, 5, 4)  # how far a box goes left, up, right and down from its middle, times 32 pixels


def build_yolo_face(folder: Path) -> None:
    """Write model.pt: a YOLOv8n with one class that sees one face in each corner of any picture.

    No random detector finds anything at a confidence of 0.6, so the last layers of the coarsest
    grid are set by hand. A 3 x 3 sum over a picture of ones is 4 in a corner, 6 at a side and 9
    elsewhere, since convolutions take zeros from beyond the picture; the score falls with it and
    is above one half in the four corners only. Boxes reach a fixed way, so they differ in size
    once they are cut to the picture. All other weights are random and without effect.
    """
    quiet_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network = DetectionModel("yolov8n.yaml", ch=3, nc=1, verbose=False)
    network.names = {0: "FACE"}
    head = network.model[-1]
    with torch.no_grad():
        for scores in head.cv3:
            scores[-1].weight.zero_()
            scores[-1].bias.fill_(-10)  # nothing is seen on the two finer grids
        ones, total, score = head.cv3[2]
        ones.conv.weight.zero_()
        ones.bn.bias.fill_(1.2785)  # silu(1.2785) = 1
        total.conv.weight.zero_()
        total.conv.weight[0, 0] = 1  # 4, 6 or 9; silu(4) = 3.93 and silu(6) = 5.99
        score.weight[0, 0] = -2
        score.bias.fill_(10)  # sigmoid(10 - 2 * 3.93) = 0.89, sigmoid(10 - 2 * 5.99) = 0.12
        boxes = head.cv2[2][-1]
        boxes.weight.zero_()
        boxes.bias.fill_(-20)
        for side, reach in enumerate(REACH):
            boxes.bias[16 * side + reach] = 20  # the bin of that distance gets all probability
    checkpoint = {
        "epoch": -1,
        "best_fitness": None,
        "model": network.half(),
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": {"task": "detect", "imgsz": 640},
        "version": "8.0.180",
    }
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, folder / "model.pt")


def build_vit_expression(folder: Path) -> None:
    """Write a ViT of the real width with one block, as published: safetensors and two configs."""
    from transformers import ViTConfig, ViTForImageClassification

    _quiet_transformers()
    torch.manual_seed(0)
    config = ViTConfig(
        num_hidden_layers=1,
        intermediate_size=64,
        initializer_range=0.1,  # so that different faces get different labels
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    side = {"height": 224, "width": 224}
    _write(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True,
            "size": side,
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
        },
    )


def build_clip(folder: Path) -> None:
    """Write a CLIP with both halves, as published, whose embeddings have the real 512 numbers."""
    from transformers import CLIPConfig, CLIPModel

    _quiet_transformers()
    torch.manual_seed(0)
    tiny = {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 512,
    }
    text = {"vocab_size": 64, "bos_token_id": 0, "eos_token_id": 1}
    config = CLIPConfig(text_config=tiny | text, vision_config=tiny, projection_dim=512)
    CLIPModel(config).save_pretrained(folder)
    _write(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "feature_extractor_type": "CLIPFeatureExtractor",
            "do_resize": True,
            "size": 224,
            "resample": 3,
            "do_center_crop": True,
            "crop_size": 224,
            "do_normalize": True,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        },
    )


def build_clipcap(folder: Path) -> None:
    """Write conceptual_weights.pt: the two layers and a GPT-2 that fits ``build_gpt2``.

    As in the published file, GPT-2's output layer repeats its table of words, and each block has
    the two constant buffers that transformers stored in 2021.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    _quiet_transformers()
    torch.manual_seed(0)
    gpt = GPT2LMHeadModel(GPT2Config(**_gpt2_config()))
    _prefer_words(gpt)
    tensors = {f"gpt.{key}": value for key, value in gpt.state_dict().items()}
    positions = _gpt2_config()["n_positions"]
    before = torch.ones(positions, positions, dtype=torch.uint8).tril()[None, None]
    tensors["gpt.transformer.h.0.attn.bias"] = before
    tensors["gpt.transformer.h.0.attn.masked_bias"] = torch.tensor(-10000.0)
    width = 10 * GPT2_WIDTH
    layers = {0: (width // 2, 512), 2: (width, width // 2)}
    for layer, shape in layers.items():
        tensors[f"clip_project.model.{layer}.weight"] = torch.randn(shape) * shape[1] ** -0.5
        tensors[f"clip_project.model.{layer}.bias"] = torch.randn(shape[0]) * 0.1
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / "conceptual_weights.pt")


def build_gpt2(folder: Path) -> None:
    """Write GPT-2's config.json, vocab.json, merges.txt and tokenizer.json, tiny."""
    bpe = tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(folder))
    bpe.save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", _gpt2_config())
    _write(folder / "tokenizer_config.json", {"model_max_length": 128})


def _prefer_words(gpt: Any) -> None:
    """Make ``gpt`` write whole words and full stops rather than the single bytes it also knows."""
    bpe = tokenizer()
    whole = [bpe.encode(f" {word}").ids for word in TEXT.replace(".", " ").split()]
    with torch.no_grad():
        # The last number that the output layer sees becomes a constant, so each word's last
        # number is its own constant advantage.
        gpt.transformer.ln_f.weight[-1] = 0
        gpt.transformer.ln_f.bias[-1] = 1
        advantage = gpt.transformer.wte.weight[:, -1]
        advantage.fill_(-20)
        for ids in whole:
            advantage[ids] = 0
        advantage[bpe.encode(".").ids] = 2


def tokenizer() -> Any:
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [TEXT] * 2, vocab_size=400, min_frequency=2, special_tokens=[], show_progress=False
    )
    return bpe


def _gpt2_config() -> dict[str, object]:
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "n_embd": GPT2_WIDTH,
        "n_head": 4,
        "n_layer": 1,
        "n_positions": 128,
        "n_ctx": 128,
        "vocab_size": tokenizer().get_vocab_size(),
        "bos_token_id": 0,
        "eos_token_id": 0,
        "initializer_range": 0.3,  # so that some words are much likelier than others
    }


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2), "utf-8")


def _quiet_transformers() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def quiet_ultralytics() -> None:
    """Set what Ultralytics reads at its first import: no network, no code of files, no prints."""
    settings = Path(tempfile.gettempdir()) / f"vemoclap-ultralytics-{os.getuid()}"
    os.environ.setdefault("YOLO_CONFIG_DIR", str(settings))
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "true")
