"""ClipCap's captions, on a miniature in the published layout."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.hub import pictures
from tests.miniatures import TRAPS, Hub, frames
from vemoclap.engines import clip, clipcap, linear
from vemoclap.errors import WeightsError
from vemoclap.weights import cache as weights_cache
from vemoclap.weights import checkpoint

pytestmark = pytest.mark.usefixtures("miniatures")


def captioner(hub: Hub):
    return clipcap._network(hub / "clipcap" / clipcap.CONVERTED, hub / "gpt2", "cpu")["gpt"]


def test_the_weights_are_let_go_before_copies_are_made(hub: Hub, monkeypatch):
    """Else both would stand in memory whole."""
    read, prepare, found = checkpoint.read, linear.prepare, []

    def watched_read(*args):
        found.append(read(*args))
        return found[-1]

    def watched_prepare(*args):
        assert found[-1][0] == {}
        prepare(*args)
        found.append("prepared")

    monkeypatch.setattr(checkpoint, "read", watched_read)
    monkeypatch.setattr(linear, "prepare", watched_prepare)
    captioner(hub)
    assert found[-1] == "prepared"


def plain_search(gpt, prefix: torch.Tensor, stop: int) -> list[int]:
    """The published search over lists, reading everything anew at every step."""
    beams: list[tuple[list[int], float]] = [([], 0.0)]
    for _ in range(67):
        alive = [(words, total) for words, total in beams if stop not in words]
        if not alive:
            break
        # The ones that have not ended are equally long.
        written = gpt.transformer.wte(torch.tensor([words for words, _ in alive], dtype=torch.long))
        texts = torch.cat([prefix.expand(len(alive), -1, -1), written], dim=1)
        gains = gpt(inputs_embeds=texts).logits[:, -1].log_softmax(-1).tolist()
        longer = [(words, total) for words, total in beams if stop in words]
        for (words, total), row in zip(alive, gains, strict=True):
            longer += [([*words, token], total + gain) for token, gain in enumerate(row)]
        longer.sort(key=lambda beam: -beam[1] / len(beam[0]))
        beams = longer[:5]
    return max(beams, key=lambda beam: beam[1] / len(beam[0]))[0]


def test_the_search_finds_what_the_published_one_does(hub: Hub):
    gpt = captioner(hub)
    stop = pictures.tokenizer().encode(".").ids[0]
    lengths = set()
    with torch.inference_mode():
        for seed in range(5):
            prefix = torch.randn(
                1, 10, pictures.GPT2_WIDTH, generator=torch.Generator().manual_seed(seed)
            )
            found = clipcap.beam_search(gpt, prefix, stop)
            assert found == plain_search(gpt, prefix, stop)
            lengths.add(len(found))
            assert stop not in found[:-1]
    assert len(lengths) > 1


def test_the_search_ends_after_67_tokens(hub: Hub):
    gpt = captioner(hub)
    with torch.inference_mode():
        never = clipcap.beam_search(gpt, torch.zeros(1, 10, pictures.GPT2_WIDTH), stop=-1)
    assert len(never) == 67


def test_each_step_of_the_search_reads_one_token(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    gpt = captioner(hub)
    sizes: list[tuple[int, ...]] = []
    forward = type(gpt).forward

    def watch(self, input_ids, cache, inputs_embeds=None, **options):
        sizes.append(tuple((input_ids if input_ids is not None else inputs_embeds).shape[:2]))
        return forward(self, input_ids, cache, inputs_embeds=inputs_embeds, **options)

    monkeypatch.setattr(type(gpt), "forward", watch)
    with torch.inference_mode():
        clipcap.beam_search(gpt, torch.zeros(1, 10, pictures.GPT2_WIDTH), stop=-1)
    assert sizes == [(1, 10)] + [(5, 1)] * 66


@pytest.mark.filterwarnings("error")
def test_no_library_warns_of_how_it_is_called(hub: Hub):
    """Newer transformers deprecate the name under which older ones take the cache."""
    assert clipcap.load("cpu")(np.ones(512, np.float32))


def test_the_caption_continues_the_embedding_as_it_is(hub: Hub):
    gpt = captioner(hub)
    describe = clipcap.load("cpu")
    tokenizer = pictures.tokenizer()
    stop = tokenizer.encode(".").ids[0]
    tensors = load_file(hub / "clipcap" / clipcap.CONVERTED)
    layers = {key: value.numpy() for key, value in tensors.items() if key.startswith("clip_")}
    changed = 0
    for seed in range(3):
        vector = np.random.default_rng(seed).normal(size=512).astype(np.float32)
        hidden = layers["clip_project.model.0.weight"] @ vector
        hidden = np.tanh(hidden + layers["clip_project.model.0.bias"])
        prefix = layers["clip_project.model.2.weight"] @ hidden
        prefix += layers["clip_project.model.2.bias"]
        with torch.inference_mode():
            tokens = plain_search(
                gpt, torch.from_numpy(prefix).view(1, 10, pictures.GPT2_WIDTH), stop
            )
        caption = describe(vector)
        assert caption == tokenizer.decode(tokens).strip()
        changed += caption != describe(vector / np.linalg.norm(vector))
    assert changed > 1


def test_conversion_keeps_every_weight_and_drops_only_the_old_constants(hub: Hub):
    published = torch.load(hub / "clipcap" / "conceptual_weights.pt")
    converted, _ = checkpoint.read(hub / "clipcap" / clipcap.CONVERTED, "cpu")
    assert set(published) - set(converted) == {
        "gpt.transformer.h.0.attn.bias",
        "gpt.transformer.h.0.attn.masked_bias",
        "gpt.lm_head.weight",  # the same as the table of words
    }
    assert all(torch.equal(converted[key], published[key]) for key in converted)


@pytest.mark.parametrize("trap", TRAPS)
def test_captions_weights_that_ask_for_code_to_be_run_are_refused(trap: str, tmp_path: Path):
    TRAPS[trap](tmp_path / "conceptual_weights.pt", tmp_path / "trapped")
    with pytest.raises(WeightsError):
        clipcap.convert(tmp_path / "conceptual_weights.pt", tmp_path / clipcap.CONVERTED)
    assert not (tmp_path / "trapped").exists()
    assert not (tmp_path / clipcap.CONVERTED).exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("gpt.transformer.wte.weight"), "wte.weight"),
        (lambda t: t.update({"gpt.lm_head.weight": t["gpt.lm_head.weight"] + 1}), "lm_head"),
        (lambda t: t.pop("clip_project.model.2.bias"), "clip_project.model.2.bias is missing"),
        (
            lambda t: t.update({"gpt.transformer.h.0.mlp.bias": torch.ones(1)}),
            "gpt.transformer.h.0.mlp.bias is unexpected",
        ),
        (lambda t: t.update({"clip_project.model.0.bias": torch.ones(3)}), "has shape"),
    ],
)
def test_other_weights_than_clipcaps_are_refused(
    change: Callable, named: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tensors = torch.load(hub / "clipcap" / "conceptual_weights.pt")
    change(tensors)
    torch.save(tensors, tmp_path / "conceptual_weights.pt")
    folders = {"clipcap": tmp_path, "gpt2": hub / "gpt2"}
    monkeypatch.setattr(weights_cache, "folder", folders.__getitem__)

    def convert_and_load():
        clipcap.convert(tmp_path / "conceptual_weights.pt", tmp_path / clipcap.CONVERTED)
        clipcap.load("cpu")

    with pytest.raises(WeightsError, match=re.escape(named)):
        convert_and_load()


@pytest.mark.gpu
def test_captions_are_written_on_a_gpu_too():
    assert clipcap.load("cuda")(clip.load("cuda")(frames(1))[0])
