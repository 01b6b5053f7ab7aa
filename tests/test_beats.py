"""BEATs against the reference implementation's numbers, and its files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.golden.pattern import golden, pattern, patterned, sounds
from tests.hub.sound import CFG, TAGS, build_audioset_ontology, build_beats
from vemoclap.engines import beats
from vemoclap.errors import EngineError, WeightsError
from vemoclap.weights import checkpoint

TINY = golden("beats_tiny")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "golden" / "beats_tiny.npz"


@pytest.fixture(scope="module")
def tiny() -> beats.Beats:
    model = beats.Beats(beats.Config.of(TINY["cfg"], Path("tiny"))).eval()
    model.load_state_dict(patterned(TINY["state_dict"]))
    return model.requires_grad_(False)


# -- golden values ----------------------------------------------------------------------------


def assert_same_mels(made: torch.Tensor, expected: torch.Tensor) -> None:
    """Fail unless two filterbanks are the same up to rounding, which differs between processors.

    In the faintest bands rounding is all there is: by 0.04 two processors were seen to differ in
    them, and by 0.00004 in those above -0.5.
    """
    difference = (made - expected).abs()
    assert difference[expected > -0.5].max() < 5e-4
    assert difference.max() < 0.2
    assert difference.mean() < 2e-3


def test_the_filterbank_is_the_reference_s():
    mels = beats.filterbank(sounds())
    assert mels.shape == (2, 298, 128)
    assert_same_mels(mels[:, ::37, ::9], torch.tensor(TINY["fbank"]))


def test_the_encoder_is_the_reference_s(tiny: beats.Beats):
    encoded = tiny(pattern("input/fbank", (2, 298, 128)))
    assert encoded.shape == (2, 144, 48)
    expected = torch.tensor(TINY["pattern_output"])
    torch.testing.assert_close(encoded[:, ::13, ::7], expected, atol=1e-5, rtol=0)


def test_from_sound_to_feature_and_tags(tiny: beats.Beats):
    encoded = tiny(beats.filterbank(sounds()))
    expected = torch.tensor(TINY["encoder_output"])
    difference = (encoded[:, ::13, ::7] - expected).abs()
    assert difference.max() < 0.15
    assert difference.mean() < 0.01  # of numbers whose spread is 1
    feature = encoded.mean(1)
    torch.testing.assert_close(feature, torch.tensor(TINY["feature"]), atol=2e-3, rtol=0)
    probabilities = tiny.predictor(feature).sigmoid()
    expected = torch.tensor(TINY["tag_probabilities"])
    torch.testing.assert_close(probabilities, expected, atol=2e-4, rtol=0)


@pytest.mark.skipif(not SHARED.exists(), reason="the whole golden arrays are not kept here")
def test_all_golden_values(tiny: beats.Beats):
    whole = {name: torch.from_numpy(values) for name, values in np.load(SHARED).items()}
    np.testing.assert_allclose(sounds(), whole["waveform"], atol=1e-7)
    assert_same_mels(beats.filterbank(sounds()), whole["fbank"])
    encoded = tiny(whole["fbank"])
    torch.testing.assert_close(encoded, whole["encoder_output"], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoded.mean(1), whole["feature"], atol=1e-4, rtol=0)


def test_kinds_of_distance():
    kinds = beats.buckets(200, 32, 80)
    assert kinds[0, 0] == 0
    assert kinds[10, 3] == 7  # seven back: a kind of its own
    assert kinds[3, 10] == 16 + 7  # seven ahead: the other half
    assert kinds[90, 0] == kinds[199, 0] == 15  # far back: all one
    assert kinds.min() == 0
    assert kinds.max() == 31


# -- the role ---------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_beats(tmp_path / "beats")
    build_audioset_ontology(tmp_path / "audioset-ontology")
    monkeypatch.setattr("vemoclap.weights.cache.folder", lambda name: tmp_path / name)
    return tmp_path


def test_a_vector_per_window_and_the_tags_of_their_mean(home: Path):
    hear = beats.load("cpu")
    heard = hear(sounds())
    alone = hear(sounds()[1:])
    assert heard.vectors.shape == (2, 768)
    assert heard.vectors.dtype == np.float32
    np.testing.assert_allclose(heard.vectors[1:], alone.vectors, atol=1e-5)

    model, ids = beats.read(home / "beats" / beats.CONVERTED, "cpu")
    np.testing.assert_allclose(heard.vectors, model(beats.filterbank(sounds())).mean(1), atol=1e-5)
    logits = model.predictor(torch.from_numpy(heard.vectors).mean(0))
    order = logits.argsort(descending=True)[:5]
    assert [tag.name for tag in heard.tags] == [TAGS[ids[index]] for index in order]
    np.testing.assert_allclose(
        [tag.probability for tag in heard.tags], logits.sigmoid()[order], atol=1e-6
    )


def test_all_windows_go_through_the_model_in_one_call(home: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []
    forward = beats.Beats.forward
    monkeypatch.setattr(
        beats.Beats, "forward", lambda self, x: calls.append(len(x)) or forward(self, x)
    )
    beats.load("cpu")(np.tile(sounds()[:1], (16, 1)))
    assert calls == [16]


def test_a_tag_without_a_name_is_an_error(home: Path):
    path = home / "audioset-ontology" / "ontology.json"
    entries = [entry for entry in json.loads(path.read_text()) if entry["name"] != "Rain"]
    path.write_text(json.dumps(entries))
    with pytest.raises(EngineError, match="/m/06mb1"):
        beats.load("cpu")


@pytest.mark.gpu
def test_half_precision_keeps_the_direction_of_vectors(home: Path):
    single, half = beats.load("cpu")(sounds()), beats.load("cuda")(sounds())
    assert half.vectors.dtype == np.float32
    assert torch.cosine_similarity(*map(torch.from_numpy, (single.vectors, half.vectors))).min() > (
        0.999
    )


# -- files ------------------------------------------------------------------------------------


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def published(tmp_path: Path) -> dict:
    build_beats(tmp_path)
    return torch.load(tmp_path / f"{beats.NAME}.pt", weights_only=True)


def test_converting_keeps_weights_sizes_and_labels(tmp_path: Path):
    found = published(tmp_path)
    tensors, metadata = checkpoint.read(tmp_path / beats.CONVERTED, "cpu")
    assert tensors.keys() == found["model"].keys()
    assert all(torch.equal(tensors[key], found["model"][key]) for key in tensors)
    assert metadata["cfg"] == CFG
    assert metadata["label_dict"]["6"] == "/m/06mb1"


def test_a_malicious_pickle_is_refused(tmp_path: Path):
    bad, mark = tmp_path / "bad.pt", tmp_path / "mark"
    torch.save({"cfg": CFG, "model": Bomb(mark), "label_dict": {}}, bad)
    with pytest.raises(WeightsError, match=r"bad\.pt was not opened"):
        beats.convert(bad, tmp_path / "out.safetensors")
    assert not mark.exists()
    assert not (tmp_path / "out.safetensors").exists()
    torch.load(bad, weights_only=False)
    assert mark.exists(), "the pickle was not malicious"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f["model"].update({"decoder.bias": torch.zeros(1)}), "decoder.bias is unexpec"),
        (lambda f: f["model"].pop("layer_norm.bias"), "layer_norm.bias is missing"),
        (lambda f: f["model"].update({"predictor.bias": torch.zeros(3)}), r"predictor.bias has sh"),
        (lambda f: f["cfg"].update(deep_norm=False), "deep_norm = False"),
        (lambda f: f["cfg"].pop("num_buckets"), "num_buckets"),
        (lambda f: f.pop("label_dict"), "label_dict"),
    ],
)
def test_another_model_s_file_is_refused(tmp_path: Path, change, words: str):
    found = published(tmp_path)
    change(found)
    torch.save(found, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=words):
        beats.convert(tmp_path / "other.pt", tmp_path / "other.safetensors")
    assert not (tmp_path / "other.safetensors").exists()


def test_a_converted_file_that_lost_a_tensor_is_refused(tmp_path: Path):
    build_beats(tmp_path)
    path = tmp_path / beats.CONVERTED
    tensors, metadata = checkpoint.read(path, "cpu")
    tensors.pop("layer_norm.bias")
    checkpoint.write(path, tensors, metadata)
    with pytest.raises(WeightsError, match=r"layer_norm\.bias is missing"):
        beats.read(path, "cpu")


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match=r"cut\.safetensors"):
        beats.read(path, "cpu")
