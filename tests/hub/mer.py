"""Miniatures of the three backbones of the end-to-end model, in their published layouts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tests.hub.texts import tiny_unigram
from vemoclap.mer.backbones import inception_resnet

FACE_WIDTH = 2  # 32 in the published one
PEOPLE = 7  # 8,631 in the published one
PUBLISHED_FACES = "20180402-114759-vggface2.pt"
SPECIALS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")


def build_inception_resnet(folder: Path) -> None:
    """Write the published pickle, in the format of 2018, and what it is converted to."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(), _one_thread():
        torch.manual_seed(0)
        network = inception_resnet.build(FACE_WIDTH)
        dim = 16 * FACE_WIDTH
        people = {"logits.weight": torch.randn(PEOPLE, dim), "logits.bias": torch.zeros(PEOPLE)}
        _see_pictures(network)
    source = folder / PUBLISHED_FACES
    tensors = {**network.state_dict(), **people}
    torch.save(tensors, source, _use_new_zipfile_serialization=False)
    inception_resnet.convert(source, folder / inception_resnet.CONVERTED)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have sums come out the same whatever the number of processors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _see_pictures(network: Any) -> None:
    """Let the running means and spreads of all layers be those of pictures, as in training."""
    colours = torch.rand(32, 3, 1, 1) * 2 - 1
    pictures = colours + 0.2 * torch.randn(32, 3, 96, 96)
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = None  # the mean over all that was seen
    network.train()
    with torch.no_grad():
        network(pictures)
    network.eval()


def build_distilhubert(folder: Path) -> None:
    """Write two layers over seven convolutions, as published: a pickle with the old names."""
    from transformers import HubertConfig, HubertModel

    folder.mkdir(parents=True, exist_ok=True)
    config = HubertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        feat_proj_layer_norm=False,
        vocab_size=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = HubertModel(config)
    config.architectures = ["HubertModel"]
    config.save_pretrained(folder)
    old = {"original0": "weight_g", "original1": "weight_v"}
    tensors = {}
    for key, value in network.state_dict().items():
        start, _, end = key.partition("parametrizations.weight.")
        tensors[start + old.get(end, end)] = value
    torch.save(tensors, folder / "pytorch_model.bin")
    said = {
        "do_normalize": False,
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "padding_side": "right",
        "padding_value": 0,
        "return_attention_mask": False,
        "sampling_rate": 16000,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said, indent=2), "utf-8")


def build_albert(folder: Path) -> None:
    """Write a guesser of words, as published, and its tokenizer."""
    from transformers import AlbertConfig, AlbertForMaskedLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_unigram(SPECIALS, unknown="<unk>")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = AlbertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AlbertForMaskedLM(config)
        pooler = {
            "albert.pooler.weight": torch.randn(32, 32) * 0.1,
            "albert.pooler.bias": torch.zeros(32),
        }
    config.architectures = ["AlbertForMaskedLM"]
    config.save_pretrained(folder)
    torch.save({**network.state_dict(), **pooler}, folder / "pytorch_model.bin")
