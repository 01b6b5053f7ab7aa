"""The end-to-end model: its backbones, its size, what padding does, its file, and its judge."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.hub.mer import FACE_WIDTH, PUBLISHED_FACES
from tests.miniatures import TRAPS, Hub
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import RELEASED, Classifier
from vemoclap.cli import main
from vemoclap.errors import WeightsError
from vemoclap.mer import inputs, model, span_model
from vemoclap.mer.backbones import albert, distilhubert, inception_resnet
from vemoclap.mer.inputs import Shape, Utterance
from vemoclap.mer.model import Config, Mer
from vemoclap.mer.train import Recipe
from vemoclap.records import SAMPLE_RATE, Box, Detection, Span
from vemoclap.timeline.records import SpanInputs
from vemoclap.weights import cache, checkpoint

SHAPE = Shape(seconds=1.0, tokens=12)
WORDS = "the weather is lovely this morning"


@pytest.fixture(scope="module", autouse=True)
def home(hub: Hub) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEMOCLAP_HOME", str(hub.home))
        patch.setattr(cache, "folder", lambda artefact: hub / artefact)
        yield


@pytest.fixture(scope="module")
def network(home: None) -> Mer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return model.published("cpu", SHAPE, Recipe(channels=16, hidden=16)).eval()


def utterance(faces: int = 5, seconds: float = 1.0, words: str = WORDS, seed: int = 0) -> Utterance:
    rng = np.random.default_rng(seed)
    return Utterance(
        faces=rng.integers(0, 256, (faces, 160, 160, 3), dtype=np.uint8),
        places=np.arange(faces),
        sound=rng.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32),
        words=words,
    )


NOTHING = utterance(faces=0, seconds=0, words="")


def answer(network: Mer, *utterances: Utterance, shape: Shape = SHAPE) -> np.ndarray:
    tokens = albert.tokens(network.config.tokenizer, shape.tokens)
    return model.probabilities(network, inputs.collate(utterances, shape, tokens))


# -- the backbones, read by their real loaders ------------------------------------------------


def test_every_backbone_is_read_from_its_published_layout_whole_and_ready_to_learn():
    face = inception_resnet.load("cpu")
    voice, voice_config, normalised = distilhubert.load("cpu")
    words, words_config, tokenizer = albert.load("cpu")
    for backbone in (face, voice, words):
        assert all(
            one.requires_grad and one.dtype is torch.float32 for one in backbone.parameters()
        )
    with torch.inference_mode():
        assert face.eval()(torch.zeros(2, 3, 160, 160)).shape == (2, 16 * FACE_WIDTH)
        assert voice(torch.zeros(1, 16_000)).last_hidden_state.shape == (1, 49, 32)
    assert not normalised
    assert voice_config["model_type"] == "hubert"
    assert words_config["model_type"] == "albert"
    assert '"[CLS]"' in tokenizer
    assert not [name for name, _ in words.named_parameters() if "pooler" in name]


def test_the_faces_come_out_as_they_went_in(hub: Hub):
    published = checkpoint.read_pickle(hub / "inception-resnet" / PUBLISHED_FACES)
    read = inception_resnet.load("cpu").state_dict()
    assert {key for key in published if key not in read} == {"logits.weight", "logits.bias"}
    assert all(torch.equal(read[key], published[key]) for key in read)


def test_a_narrow_network_of_faces_has_the_layers_of_the_published_one():
    with torch.device("meta"):
        full, narrow = inception_resnet.build(), inception_resnet.build(FACE_WIDTH)
    ratio = inception_resnet.WIDTH // FACE_WIDTH
    mine = narrow.state_dict()
    assert list(mine) == list(full.state_dict())
    for key, tensor in full.state_dict().items():
        if tensor.ndim:
            assert len(mine[key]) * ratio == len(tensor), key


def test_a_file_of_another_network_is_no_network_of_faces(tmp_path: Path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="does not hold an InceptionResnetV1"):
        inception_resnet.convert(tmp_path / "other.pt", tmp_path / "made.safetensors")
    tensors = inception_resnet.build(FACE_WIDTH).state_dict()
    del tensors["last_bn.weight"]
    torch.save(tensors, tmp_path / "lacking.pt")
    with pytest.raises(WeightsError, match=r"last_bn\.weight is missing"):
        inception_resnet.convert(tmp_path / "lacking.pt", tmp_path / "made.safetensors")
    assert not (tmp_path / "made.safetensors").exists()


@pytest.mark.parametrize("trap", TRAPS)
def test_a_planted_pickle_in_place_of_a_checkpoint_is_refused(trap: str, tmp_path: Path):
    marker = tmp_path / "trapped"
    TRAPS[trap](tmp_path / model.FILE, marker)
    with pytest.raises(WeightsError):
        model.read(tmp_path)
    assert not marker.exists()


# -- size -------------------------------------------------------------------------------------

# What the published config.json of each says beside the library's defaults.
DISTILHUBERT = {"hidden_size": 768, "num_hidden_layers": 2, "feat_proj_layer_norm": False}
DISTILHUBERT |= {"conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2]}
ALBERT = {"embedding_size": 128, "hidden_size": 768, "num_attention_heads": 12}
ALBERT |= {"intermediate_size": 3072, "num_hidden_layers": 12, "vocab_size": 30_000}


def test_at_the_published_size_it_has_59_839_622_parameters():
    with torch.device("meta"):
        network = Mer(Config(inception_resnet.WIDTH, DISTILHUBERT, ALBERT, ""))

    def count(part: torch.nn.Module) -> int:
        return sum(one.numel() for one in part.parameters())

    backbones = {name: count(part) for name, part in network.backbones.items()}
    assert backbones == {"face": 23_482_624, "voice": 23_491_968, "words": 11_092_992}
    linear = (3 * 256 + 1) * 256 + (256 + 1) * 6
    over_time = (3 * 512 + 1) * 256 + 2 * (3 * 768 + 1) * 256
    assert count(network.head) == linear
    assert count(network.over_time) == over_time
    assert count(network) == sum(backbones.values()) + linear + over_time == 59_839_622


# -- what goes in -----------------------------------------------------------------------------


def test_what_is_too_long_is_cut_and_what_is_too_short_is_followed_by_zeros(network: Mer):
    tokens = albert.tokens(network.config.tokenizer, SHAPE.tokens)
    short, long = utterance(2, 0.3, "the weather"), utterance(5, 1.0, " ".join([WORDS] * 5))
    batch = inputs.collate([short, long], SHAPE, tokens)
    assert batch.face_there.tolist() == [[True] * 2 + [False] * 3, [True] * 5]
    assert not batch.faces[0, 2:].any()
    assert batch.samples.tolist() == [4800, 16_000]
    assert not batch.sound[0, 4800:].any()
    assert batch.token_there.sum(1).tolist() == [4, 12]  # with [CLS] and [SEP]
    assert not batch.tokens[0, 4:].any()


def test_the_numbers_of_the_paper_are_the_default():
    assert (Shape().frames, Shape().samples, Shape().tokens) == (5, 160_000, 100)


def test_of_each_frame_the_largest_face_is_taken_and_frames_without_one_stay_empty():
    frames = np.zeros((7, 90, 160, 3), np.uint8)
    frames[:, 10:40, 20:50] = (200, 0, 0)  # a face of 30 pixels
    frames[:, 50:60, 100:110] = (0, 0, 200)  # one of 10
    small, large = Detection(Box(100, 50, 110, 60), 0.99), Detection(Box(20, 10, 50, 40), 0.9)
    faces = [(small, large)] * 7
    faces[3] = ()
    audio = np.full(12 * SAMPLE_RATE, 0.25, np.float32)
    seen = inputs.see(
        SpanInputs(Span(0, 12), frames, np.arange(7.0), tuple(faces), audio, "  so  much "), Shape()
    )
    assert seen.places.tolist() == [0, 1, 3, 4]  # of frames 0, 2, 3, 4 and 6
    assert seen.faces.shape == (4, 160, 160, 3)
    assert (seen.faces == (200, 0, 0)).all()
    assert len(seen.sound) == 160_000
    assert seen.words == "so much"


def test_sound_is_levelled_only_where_the_backbone_wants_it(network: Mer):
    tokens = albert.tokens(network.config.tokenizer, SHAPE.tokens)
    loud = replace(utterance(), sound=np.linspace(0, 1, 16_000, dtype=np.float32))
    assert inputs.collate([loud], SHAPE, tokens).sound.mean() == pytest.approx(0.5, abs=1e-3)
    levelled = inputs.collate([loud], replace(SHAPE, normalised=True), tokens).sound
    assert levelled.mean() == pytest.approx(0, abs=1e-3)
    assert levelled.std() == pytest.approx(1, abs=1e-3)


# -- what padding and absence do --------------------------------------------------------------


def test_an_answer_does_not_depend_on_the_others_of_its_batch(network: Mer):
    some = [utterance(), NOTHING, utterance(2, 0.4, "good house", seed=1), utterance(0, 0, "love")]
    together = answer(network, *some)
    alone = np.concatenate([answer(network, one) for one in some])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_more_padding_of_words_and_faces_changes_nothing(network: Mer):
    one = utterance(2, 1.0, "good house")
    wide = replace(SHAPE, frames=9, tokens=40)
    np.testing.assert_allclose(
        answer(network, one), answer(network, one, shape=wide), atol=1e-5, rtol=0
    )


def test_each_kind_of_evidence_counts_and_may_be_absent(network: Mer):
    whole = utterance()
    none = np.empty((0, 160, 160, 3), np.uint8)
    without = [
        replace(whole, faces=none, places=np.empty(0, np.int64)),
        replace(whole, sound=whole.sound[:0]),
        replace(whole, words=""),
        NOTHING,
    ]
    found = [answer(network, one)[0] for one in (whole, *without)]
    assert all(np.isfinite(one).all() for one in found)
    for index, one in enumerate(found):
        for other in found[:index]:
            assert np.abs(one - other).max() > 1e-6
    # With nothing at all, only what the head makes of zeros is left.
    zeros = network.head(torch.zeros(1, network.head[0].in_features)).sigmoid().double()
    np.testing.assert_allclose(found[-1], zeros.detach().numpy()[0], atol=1e-6)


def test_half_precision_gives_about_the_same_answers_whatever_is_absent(network: Mer):
    some = [utterance(), NOTHING, utterance(2, 0.4, ""), utterance(0, 1.0, "love")]
    exact = answer(network, *some)
    with torch.autocast("cpu", torch.bfloat16):  # as a GPU does in training and judging
        tokens = albert.tokens(network.config.tokenizer, SHAPE.tokens)
        with torch.inference_mode():
            rough = network(inputs.collate(some, SHAPE, tokens)).float().sigmoid()
    np.testing.assert_allclose(rough.numpy(), exact, atol=0.02)


@pytest.mark.gpu
def test_a_gpu_answers_as_a_cpu(network: Mer, tmp_path: Path):
    model.save(network, tmp_path)
    onto = model.read(tmp_path, "cuda")
    some = [utterance(), NOTHING, utterance(2, 0.4, "")]
    tokens = albert.tokens(network.config.tokenizer, SHAPE.tokens)
    found = model.probabilities(onto, inputs.collate(some, SHAPE, tokens, "cuda"))
    np.testing.assert_allclose(found, answer(network, *some), atol=0.02)


def test_the_statistics_of_faces_stay_those_that_were_published(network: Mer):
    network.train()
    face = network.backbones["face"]
    assert network.training
    assert not any(module.training for module in face.modules())
    network.eval()


# -- files ------------------------------------------------------------------------------------


def test_a_checkpoint_is_all_that_is_needed(network: Mer, tmp_path: Path, monkeypatch):
    network.config = replace(network.config, thresholds=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), note="So.")
    model.save(network, tmp_path)
    monkeypatch.setattr(cache, "folder", lambda name: pytest.fail(f"it asked for {name}"))
    again = model.read(tmp_path)
    assert again.config == replace(network.config, voice=again.config.voice)
    assert again.config.thresholds == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert np.array_equal(answer(again, utterance()), answer(network, utterance()))


def test_a_checkpoint_that_lacks_a_weight_is_refused(network: Mer, tmp_path: Path):
    path = model.save(network, tmp_path)
    tensors, metadata = checkpoint.read(path, "cpu")
    del tensors["head.0.bias"]
    checkpoint.write(path, tensors, metadata)
    with pytest.raises(WeightsError, match=r"head\.0\.bias is missing"):
        model.read(tmp_path)
    checkpoint.write(path, tensors, {"kind": model.KIND, "config": {}})
    with pytest.raises(WeightsError, match="does not say how it was made"):
        model.read(tmp_path)


def test_either_command_refuses_the_checkpoint_of_the_other(network: Mer, tmp_path: Path, capsys):
    model.save(network, tmp_path / "mer")
    tiny = replace(RELEASED, d_model=8)
    classifier_model.save(Classifier(tiny), tmp_path / "ekman")
    with pytest.raises(WeightsError, match="no end-to-end model of utterances"):
        span_model.load(tmp_path / "ekman", "cpu")
    sample = Path(__file__).resolve().parents[1] / "samples" / "launch.mp4"
    code = main.main(["analyze", str(sample), "--checkpoint", str(tmp_path / "mer")])
    assert code == 2
    told = capsys.readouterr().err
    assert "is an end-to-end model of utterances; it is for `vemoclap timeline" in told
    assert len(told.splitlines()) == 1


# -- the judge of a timeline ------------------------------------------------------------------


def test_the_judge_answers_one_row_per_span_each_label_on_its_own(
    network: Mer, tmp_path: Path, monkeypatch
):
    network.config = replace(network.config, thresholds=(0.5,) * 6, note="So far.")
    model.save(network, tmp_path / "ours")
    made = span_model.load(tmp_path / "ours", "cpu")
    assert (made.name, made.labels, made.exclusive) == ("mer", model.LABELS, False)
    assert made.thresholds == (0.5,) * 6
    assert made.frame_count == 5
    assert made.note == "So far."
    assert made.use.detail.endswith("ours/card.md describes it")
    assert "SHA-256" in made.use.weights[0]
    frames = np.random.default_rng(0).integers(0, 256, (5, 90, 160, 3), dtype=np.uint8)
    face = (Detection(Box(10, 10, 60, 70), 0.99),)
    spans = [
        SpanInputs(Span(i, i + 1), frames, np.arange(5.0), (face,) * 5, None, WORDS)
        for i in range(3)
    ]
    spans.append(SpanInputs(Span(3, 4), frames, np.arange(5.0), ((),) * 5, None, ""))
    monkeypatch.setattr(span_model, "SPANS_AT_ONCE", 3)
    rows = made.classify(spans)
    assert len(rows) == 4
    assert all(len(row) == 6 and all(0 < p < 1 for p in row) for row in rows)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)
    expected = answer(network, inputs.see(spans[0], SHAPE), NOTHING)
    np.testing.assert_allclose([rows[0], rows[-1]], expected, atol=1e-6)
    assert made.classify([]) == ()
