"""The paper's models at their published sizes, without memory for their weights.

The sizes themselves are in ``benchmarks/published.py``. Where a number is not the publisher's own
it is worked out here by hand, layer by layer, and all are held against the published files'.
"""

import pytest
import torch

from benchmarks import published
from tests.golden.pattern import golden
from vemoclap.engines.registry import ENGINES
from vemoclap.engines.roles import PAPER
from vemoclap.weights import cache
from vemoclap.weights.catalog import ARTEFACTS, MER


def shapes(model: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(tensor.shape) for key, tensor in model.state_dict().items()}


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def norm(width: int) -> int:
    return 2 * width


def attention(width: int) -> int:
    return 4 * linear(width, width)  # queries, keys, values, output


def feed_forward(width: int, inner: int) -> int:
    return linear(width, inner) + linear(inner, width)


# The encoder that ViT, CLIP, RoBERTa and XLM-R share: 12 blocks of width 768.
BASE = 12 * (attention(768) + feed_forward(768, 3072) + 2 * norm(768))
# What RoBERTa and XLM-R put before it: 514 positions, one kind of text, a norm. And after it, for
# a classifier: a layer of its width, then one output per label.
READER = 514 * 768 + 768 + norm(768) + BASE + linear(768, 768)

# GPT-2 small: words, positions, 12 blocks and a last norm; it writes with the table it reads with.
GPT2 = (50257 + 1024) * 768 + BASE + norm(768)

# T5 has no biases, and its norms no offsets. Every layer's attention has 16 heads of 64, and the
# first one of each half a table of 32 distances.
T5_ATTENTION, T5_FEED, T5_NORM = 4 * 1024 * 1024, 2 * 1024 * 4096, 1024
T5_ENCODER = 24 * (T5_ATTENTION + T5_FEED + 2 * T5_NORM) + 32 * 16 + T5_NORM
T5_DECODER = 24 * (2 * T5_ATTENTION + T5_FEED + 3 * T5_NORM) + 32 * 16 + T5_NORM

NLLB_ENCODER = 12 * (attention(1024) + feed_forward(1024, 4096) + 2 * norm(1024)) + norm(1024)
NLLB_DECODER = 12 * (2 * attention(1024) + feed_forward(1024, 4096) + 3 * norm(1024)) + norm(1024)

# Whisper large-v3: two convolutions over 128 mels, 1,500 positions of sound and 448 of words, and
# no biases in the keys.
WHISPER_ATTENTION = attention(1280) - 1280
WHISPER_FEED = feed_forward(1280, 5120)
WHISPER_ENCODER = (
    (3 * 128 * 1280 + 1280)
    + (3 * 1280 * 1280 + 1280)
    + 1500 * 1280
    + 32 * (WHISPER_ATTENTION + WHISPER_FEED + 2 * norm(1280))
    + norm(1280)
)
WHISPER_DECODER = (
    (51866 + 448) * 1280 + 32 * (2 * WHISPER_ATTENTION + WHISPER_FEED + 3 * norm(1280)) + norm(1280)
)

BY_HAND = {
    # Patches of 3 x 16 x 16, one token more, 197 positions, the last norm, 7 labels.
    "vit-expression": linear(3 * 16 * 16, 768)
    + (1 + 197) * 768
    + BASE
    + norm(768)
    + linear(768, 7),
    # Patches of 3 x 32 x 32 without bias, one token more, 50 positions, norms before and after,
    # a projection without bias.
    "clip": 3 * 32 * 32 * 768 + (1 + 50) * 768 + BASE + 2 * norm(768) + 768 * 512,
    "clipcap": linear(512, 3840) + linear(3840, 7680) + GPT2,
    "whisper-large-v3": WHISPER_ENCODER + WHISPER_DECODER,
    "xlm-r": 250002 * 768 + READER + linear(768, 20),
    "nllb": 256206 * 1024 + NLLB_ENCODER + NLLB_DECODER,  # positions are computed
    "t5-spell": 32128 * 1024 + T5_ENCODER + T5_DECODER,
    "roberta": 50265 * 768 + READER + linear(768, 3),
}

PUBLISHED = {
    "yolo-face": 3_011_043,  # YOLOv8n with one class, in Ultralytics' own summary
    "vit-expression": 85_804_039,
    "clip": 87_849_216,
    "clipcap": 31_468_800 + 124_439_808,  # the second is what GPT-2 small is known by
    "beats": 90_717_055,  # the table of positions, which layers share, once
    "whisper-large-v3": 1_543_490_560,
    "xlm-r": 278_059_028,
    "nllb": 615_073_792,
    "t5-spell": 737_668_096,
    "roberta": 124_647_939,
    "cross-attention": 10_535_942,
}


@pytest.mark.parametrize("artefact", PUBLISHED)
def test_has_as_many_parameters_as_published(artefact):
    assert published.parameters(published.skeleton(artefact)) == PUBLISHED[artefact]


@pytest.mark.parametrize("artefact", BY_HAND)
def test_the_number_is_that_of_the_layers(artefact):
    assert BY_HAND[artefact] == PUBLISHED[artefact]


def test_every_model_of_the_paper_is_here():
    known = {*PUBLISHED, *(model.companion for model in published.MODELS.values()), None}
    # The other Whisper is the same model for another library.
    # The backbones of the other system are in test_mer_model.py.
    others = {row.name for row in ARTEFACTS.values() if row.engine == MER}
    assert {*ARTEFACTS, None} == known | others | {"faster-whisper-large-v3"}
    assert set(PUBLISHED) == set(published.MODELS)


# In half precision as published; and the half of CLIP that reads text, which no engine keeps.
HALVES = {"yolo-face", "whisper-large-v3"}
TEXT_HALF = 151_277_313 - 87_849_216


@pytest.mark.parametrize("artefact", PUBLISHED)
def test_fits_the_size_of_the_published_file(artefact):
    count = PUBLISHED[artefact] + (TEXT_HALF if artefact == "clip" else 0)
    weights_mb = count * (2 if artefact in HALVES else 4) / 1e6
    # Beside the weights there are vocabularies, up to 22 MB, and rounding to whole megabytes.
    assert -0.5 <= ARTEFACTS[artefact].size_mb - weights_mb <= 22


def test_the_classifier_has_the_released_names():
    model = published.skeleton("cross-attention")
    assert shapes(model) == golden("classifier")["state_dict"]


def test_beats_has_the_published_names():
    assert shapes(published.skeleton("beats")) == golden("beats_published_shapes")["state_dict"]


def test_on_a_cpu_numbers_take_four_bytes_and_words_that_are_written_as_many_again():
    assert published.bytes_on("clip", "cpu") == 4 * PUBLISHED["clip"]
    words = {
        "clipcap": 50257 * 768,
        "t5-spell": 32128 * 1024,
        "whisper-large-v3": 51866 * 1280 + 448 * 448,  # and a mask
    }
    for name, count in words.items():
        assert published.bytes_on(name, "cpu") == 4 * (PUBLISHED[name] + count)


def test_on_a_gpu_numbers_take_two_bytes_but_few():
    assert published.bytes_on("clip", "cuda") == 2 * PUBLISHED["clip"]
    kept = 48 * 1024 * 4096  # half of the feed-forward layers of T5
    assert published.bytes_on("t5-spell", "cuda") == 2 * (PUBLISHED["t5-spell"] + kept)
    assert published.bytes_on("cross-attention", "cuda") == 4 * PUBLISHED["cross-attention"]


def test_the_weights_of_t5_kept_single_are_those_that_its_library_keeps(tmp_path, monkeypatch):
    from transformers import T5ForConditionalGeneration

    monkeypatch.setenv("VEMOCLAP_HOME", str(tmp_path))
    published.write_small("t5-spell")
    model = T5ForConditionalGeneration.from_pretrained(
        cache.folder("t5-spell"), dtype=torch.float16
    )
    single = {key for key, value in model.named_parameters() if value.dtype == torch.float32}
    assert single == published.in_single_precision(model)
    assert single


def test_the_weights_of_whisper_kept_single_are_its_norms():
    single = published.in_single_precision(published.skeleton("whisper-large-v3"))
    assert len(single) == 2 * (32 * 2 + 1 + 32 * 3 + 1)
    assert all("ln" in key.split(".")[-2] for key in single)


@pytest.mark.parametrize("name", published.MODELS)
def test_the_table_of_engines_knows_how_much_memory_to_make_free(name: str):
    role = published.MODELS[name].role
    engine = ENGINES[role][getattr(PAPER, role)]
    for device, said_mb in zip(("cpu", "cuda"), engine.memory_mb, strict=True):
        needed_mb = published.bytes_on(name, device) / 1e6
        assert needed_mb * 0.98 <= said_mb <= needed_mb * 1.05 + 30
