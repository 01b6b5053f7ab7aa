"""The classifier against the released one's numbers, its masking and its files."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.golden.pattern import golden, pattern, patterned
from vemoclap.classifier import model as classifier_model
from vemoclap.classifier.model import RELEASED, Classifier, Config, FeatureSpec
from vemoclap.errors import WeightsError
from vemoclap.records import EMOTIONS
from vemoclap.weights import checkpoint

GOLDEN = golden("classifier")
SMALL = Config(
    features={
        "asr_sentiment": FeatureSpec("words", 1, 5, 0.0, 1.0),
        "beats": FeatureSpec("sounds", 4, 6, -1.0, 1.0),
        "clip": FeatureSpec("pictures", 4, 7, 0.0, 2.0),
        "face_emotion": FeatureSpec("faces", 3, 8, 0.0, 1.0),
    },
    engines={"ocr": "paddleocr", "sound": "beats"},
    note="Made up.",
    d_model=8,
    heads=2,
    mask=True,
)


def small(config: Config = SMALL) -> Classifier:
    torch.manual_seed(1)
    return Classifier(config).eval().requires_grad_(False)


def inputs(config: Config = SMALL, batch: int = 2) -> dict[str, torch.Tensor]:
    return {
        name: pattern(name, (batch, spec.length, spec.dim), 1.0)
        for name, spec in config.features.items()
    }


def all_present(config: Config = SMALL, batch: int = 2) -> dict[str, torch.Tensor]:
    return {
        name: torch.ones(batch, spec.length, dtype=torch.bool)
        for name, spec in config.features.items()
    }


# -- golden values ----------------------------------------------------------------------------


def test_scores_are_the_released_classifier_s():
    model = Classifier(RELEASED).eval()
    model.load_state_dict(patterned(GOLDEN["state_dict"]))
    values = {
        name: pattern(f"input/{name}", (2, GOLDEN["feature_lengths"][name], dim), 0.5) + 0.5
        for name, dim in GOLDEN["feature_dims"].items()
    }
    values["face_emotion"][1, 5:] = 0
    values["ocr_sentiment"][1] = 0
    expected = torch.tensor(GOLDEN["logits"])
    with torch.inference_mode():
        scores = model(values)
        attended = model.attend(values)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(attended.scores, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        scores.softmax(1), torch.tensor(GOLDEN["probabilities"]), atol=1e-5, rtol=0
    )


def test_the_released_config_is_the_paper_s():
    assert list(RELEASED.labels) == GOLDEN["labels"] == list(EMOTIONS)
    assert RELEASED.heads == GOLDEN["heads"]
    assert {n: s.dim for n, s in RELEASED.features.items()} == GOLDEN["feature_dims"]
    assert {n: s.length for n, s in RELEASED.features.items()} == GOLDEN["feature_lengths"]
    assert not RELEASED.mask
    assert {n: (s.minimum, s.maximum) for n, s in RELEASED.features.items()} == {
        "face_emotion": (-93.499756, 83.87972),
        "asr_sentiment": (-3.8625615, 31.99348),
        "ocr_sentiment": (-3.5364149, 31.442732),
        "beats": (-4.46773, 6.2564635),
        "clip": (-11.513216, 5.377771),
    }


# -- padding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("name", ["beats", "clip"])
def test_padding_counts_only_without_a_mask(mask: bool, name: str):
    model = small(replace(SMALL, mask=mask))
    values, present = inputs(), all_present()
    present[name][:, 2:] = False
    before = model(values, present)
    values[name][:, 2:] += 5
    assert torch.allclose(before, model(values, present), atol=1e-6) is mask


def test_a_masked_sequence_answers_as_if_cut_off():
    model = small()
    values, present = inputs(), all_present()
    present["clip"][:, 3:] = False
    short = {**values, "clip": values["clip"][:, :3]}
    torch.testing.assert_close(
        model(values, present), model(short, {**present, "clip": present["clip"][:, :3]})
    )


@pytest.mark.parametrize("name", SMALL.features)
def test_what_is_wholly_masked_says_nothing(name: str):
    model = small()
    values, present = inputs(), all_present()
    present[name][0] = False
    attended = model.attend(values, present)
    assert attended.scores.isfinite().all()
    values[name][0] += 5
    torch.testing.assert_close(model(values, present), attended.scores)
    for pair, looks in attended.attention.items():
        sums = [0.0 if name in SMALL.pairs[pair] else 1.0, 1.0]
        torch.testing.assert_close(looks.sum(1), torch.tensor(sums))


def test_a_mask_is_needed_where_training_had_one():
    with pytest.raises(ValueError, match="masks"):
        small()(inputs())


# -- engines upstream -------------------------------------------------------------------------


def test_another_engine_upstream_is_named():
    (sentence,) = classifier_model.differences(SMALL, {"ocr": "rapidocr", "sound": "beats"})
    assert "paddleocr" in sentence
    assert "rapidocr" in sentence
    assert classifier_model.differences(SMALL, {"ocr": "paddleocr", "vad": "silero-vad"}) == ()


# -- files ------------------------------------------------------------------------------------


def test_what_is_saved_is_read(tmp_path: Path):
    model = small()
    assert classifier_model.save(model, tmp_path) == tmp_path / "model.safetensors"
    again = classifier_model.read(tmp_path)
    assert again.config == model.config
    assert not again.training
    scores = model(inputs(), all_present())
    torch.testing.assert_close(again(inputs(), all_present()), scores, atol=0, rtol=0)


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path, monkeypatch):
    path = classifier_model.save(small(), tmp_path)
    before = path.read_bytes()

    def disk_full(_tensors: object, part: Path, _metadata: object) -> None:
        part.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", disk_full)
    with pytest.raises(OSError, match="No space"):
        classifier_model.save(small(), tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(extra=torch.zeros(1)), "extra is unexpected"),
        (lambda t: t.pop("cls_mlp.0.bias"), "cls_mlp.0.bias is missing"),
        (lambda t: t.update({"cls_mlp.0.bias": torch.zeros(7)}), "cls_mlp.0.bias has shape"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, change, words: str):
    path = classifier_model.save(small(), tmp_path)
    tensors, metadata = checkpoint.read(path, "cpu")
    change(tensors)
    checkpoint.write(path, tensors, metadata)
    with pytest.raises(WeightsError, match=words):
        classifier_model.read(tmp_path)


def test_a_file_without_a_config_is_refused(tmp_path: Path):
    checkpoint.write(tmp_path / classifier_model.FILE, small().state_dict(), {})
    with pytest.raises(WeightsError, match="how it was made"):
        classifier_model.read(tmp_path)


def test_the_released_file_is_converted(tmp_path: Path):
    weights = patterned(GOLDEN["state_dict"])
    torch.save(weights, tmp_path / "model.pt")
    classifier_model.convert(tmp_path / "model.pt", tmp_path / classifier_model.FILE)
    model = classifier_model.read(tmp_path)
    assert model.config == RELEASED
    assert all(torch.equal(model.state_dict()[key], weights[key]) for key in weights)
    assert not list(tmp_path.glob("*.part"))


def test_another_checkpoint_is_not_converted(tmp_path: Path):
    torch.save({**patterned(GOLDEN["state_dict"]), "optimizer": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="optimizer is unexpected"):
        classifier_model.convert(tmp_path / "a.pt", tmp_path / classifier_model.FILE)


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_malicious_pickle_is_refused(tmp_path: Path):
    mark = tmp_path / "mark"
    torch.save({"cls_mlp.0.bias": Bomb(mark)}, tmp_path / "bad.pt")
    with pytest.raises(WeightsError, match=r"bad\.pt was not opened"):
        classifier_model.convert(tmp_path / "bad.pt", tmp_path / classifier_model.FILE)
    assert not mark.exists()
    torch.load(tmp_path / "bad.pt", weights_only=False)
    assert mark.exists(), "the pickle was not malicious"
