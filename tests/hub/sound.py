"""Miniatures of what hears: BEATs and the names of its tags."""

import json
from pathlib import Path

import torch

from vemoclap.engines import beats

# AudioSet ids and names, as in the published label_dict and ontology.
TAGS = {
    "/m/09x0r": "Speech",
    "/m/04rlf": "Music",
    "/m/07yv9": "Vehicle",
    "/m/0jbk": "Animal",
    "/m/0bt9lr": "Dog",
    "/m/01yrx": "Cat",
    "/m/06mb1": "Rain",
    "/m/0838f": "Water",
    "/m/03m9d0z": "Wind",
    "/m/01j3sz": "Laughter",
    "/m/028v0c": "Silence",
    "/m/0k4j": "Car",
}
CFG = {
    "input_patch_size": 16,
    "embed_dim": 16,
    "encoder_layers": 2,
    "encoder_embed_dim": 768,  # as published, for the classifier
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 12,
    "activation_fn": "gelu",
    "layer_norm_first": False,
    "deep_norm": True,
    "conv_pos": 8,
    "conv_pos_groups": 16,
    "relative_position_embedding": True,
    "num_buckets": 32,
    "max_distance": 80,
    "gru_rel_pos": True,
    "finetuned_model": True,
    "predictor_class": len(TAGS),
    "conv_bias": False,
    "dropout": 0.0,
    "encoder_layerdrop": 0.0,
}


def build_beats(folder: Path) -> None:
    """Write the published ``.pt`` and what it is converted to."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = beats.Beats(beats.Config.of(CFG, folder))
    published = folder / f"{beats.NAME}.pt"
    labels = dict(enumerate(TAGS))
    torch.save({"cfg": CFG, "model": model.state_dict(), "label_dict": labels}, published)
    beats.convert(published, published.with_suffix(".safetensors"))


def build_audioset_ontology(folder: Path) -> None:
    """Write ``ontology.json``, which knows more sounds than the model."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        {"id": key, "name": name, "description": "", "child_ids": [], "restrictions": []}
        for key, name in {"/m/0dgw9r": "Human sounds", **TAGS}.items()
    ]
    (folder / "ontology.json").write_text(json.dumps(entries), "utf-8")
