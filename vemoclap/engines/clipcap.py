"""Captions: ClipCap (Mokady et al. 2021), trained on Conceptual Captions.

A picture's CLIP embedding becomes ten made-up words at the start of a text, which GPT-2 goes on
writing. GPT-2's weights were trained along and are in ClipCap's file; only its sizes and its
vocabulary come from GPT-2's own folder.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vemoclap.engines import linear
from vemoclap.errors import WeightsError
from vemoclap.records import Floats
from vemoclap.weights import cache as weights_cache
from vemoclap.weights import checkpoint

if TYPE_CHECKING:
    from torch import Tensor

CONVERTED = "clipcap.safetensors"
PREFIX_LENGTH = 10  # made-up words
EMBEDDING = 512  # numbers of a CLIP ViT-B/32 embedding

# How the published inference searches.
BEAMS = 5
MAX_TOKENS = 67
STOP = "."

# Constants that older versions of transformers stored beside the weights; newer ones do not.
OLD_BUFFERS = re.compile(r"gpt\.transformer\.h\.\d+\.attn\.(bias|masked_bias)")
WORDS = "gpt.transformer.wte.weight"
HEAD = "gpt.lm_head.weight"  # GPT-2 reads and writes words with the same table


def convert(source: Path, target: Path) -> None:
    """Write the weights of the published ``conceptual_weights.pt`` as safetensors.

    Raises:
        WeightsError: the file is damaged, asks for code to be run or holds no such model.
    """
    import torch

    found = checkpoint.read_pickle(source)
    if not isinstance(found, dict) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise WeightsError(f"{source} is no file of weights; delete it and download it again.")
    tensors = {key: value for key, value in found.items() if not OLD_BUFFERS.fullmatch(key)}
    head = tensors.pop(HEAD, None)
    if WORDS not in tensors or (head is not None and not torch.equal(head, tensors[WORDS])):
        raise WeightsError(
            f"{source} is not ClipCap, {WORDS} is missing or differs from {HEAD}; "
            "delete it and download it again."
        )
    checkpoint.write(target, tensors, {"model": "clipcap/conceptual"})


def load(device: str) -> Callable[[Floats], str]:
    """Return a writer of captions: the (512,) CLIP embedding of a frame -> a sentence.

    The embedding goes in as it is, not L2-normalised, as in training.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer

    weights_cache.use_offline()
    path, language = weights_cache.folder("clipcap") / CONVERTED, weights_cache.folder("gpt2")
    network = _network(path, language, device)
    tokenizer = ByteLevelBPETokenizer.from_file(
        str(language / "vocab.json"), str(language / "merges.txt")
    )
    stop = tokenizer.encode(STOP).ids[0]

    def describe(embedding: Floats) -> str:
        with torch.inference_mode():
            vector = torch.tensor(embedding, device=device, dtype=network["gpt"].dtype)
            prefix = network["clip_project"]["model"](vector).view(1, PREFIX_LENGTH, -1)
            tokens = beam_search(network["gpt"], prefix, stop)
        text: str = tokenizer.decode(tokens)
        return text.strip()

    return describe


def beam_search(gpt: Any, prefix: "Tensor", stop: int) -> list[int]:
    """Return the likeliest continuation of ``prefix`` that the published search would find.

    Beams compete at every step by their mean log probability per token, and one that has
    ended stays in the race; transformers' own beam search compares sums instead, so ``generate``
    would find other sentences.

    Args:
        gpt: the language model.
        prefix: (1, PREFIX_LENGTH, width) embeddings.
        stop: the token that ends a beam, itself included.
    """
    import torch
    from transformers import DynamicCache

    cache: Any = DynamicCache()  # keys and values of what was read, so each step reads one token
    # It goes second in all versions of transformers, which call it past_key_values or cache.
    answer = gpt(None, cache, inputs_embeds=prefix, use_cache=True)
    cache.batch_repeat_interleave(BEAMS)
    sums, last = answer.logits[0, -1].float().log_softmax(-1).topk(BEAMS)  # (5,), (5,)
    tokens = last[:, None]  # (5, length)
    lengths = torch.ones_like(last)  # of each beam until it ended
    ended = last == stop
    while tokens.shape[1] < MAX_TOKENS and not ended.all():
        answer = gpt(last[:, None], cache, use_cache=True)
        gains = answer.logits[:, -1].float().log_softmax(-1)  # (5, words)
        gains[ended] = -torch.inf
        gains[ended, 0] = 0.0  # an ended beam has one continuation, which costs nothing
        lengths = lengths + ~ended
        means = (sums[:, None] + gains) / lengths[:, None]
        best, place = means.flatten().topk(BEAMS)
        parent, last = place // means.shape[1], place % means.shape[1]
        cache.reorder_cache(parent)
        tokens = torch.cat([tokens[parent], last[:, None]], dim=1)
        lengths = lengths[parent]
        sums = best * lengths
        ended = ended[parent] | (last == stop)
    winner = int((sums / lengths).argmax())
    chosen: list[int] = tokens[winner, : int(lengths[winner])].tolist()
    return chosen


def _network(path: Path, language: Path, device: str) -> Any:
    """Return the weights at ``path`` in a module whose keys are the published ones."""
    import torch
    import transformers
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    library: Any = transformers  # its annotations leave out much of what is used here
    tensors, _ = checkpoint.read(path, device)
    config = library.GPT2Config.from_json_file(str(language / "config.json"))
    if device.startswith("cuda"):
        for key in list(tensors):  # one by one, so that both copies never stand whole in memory
            tensors[key] = tensors[key].half()
    tensors[HEAD] = tensors.get(WORDS, torch.empty(0))
    width = PREFIX_LENGTH * config.n_embd  # 7680
    with torch.device("meta"):
        project = nn.Sequential(
            nn.Linear(EMBEDDING, width // 2), nn.Tanh(), nn.Linear(width // 2, width)
        )
        network = nn.ModuleDict(
            {
                "clip_project": nn.ModuleDict({"model": project}),
                "gpt": library.GPT2LMHeadModel(config),
            }
        )
    checkpoint.check(network, tensors, path)
    network.load_state_dict(tensors, assign=True)
    tensors.clear()  # else each weight would stay beside its copy in order
    if device == "cpu":
        linear.prepare(network, (Conv1D,))
    return network.eval()
