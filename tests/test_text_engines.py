"""The engines that read texts, on miniature models in the published layout."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.hub import texts
from vemoclap import weights
from vemoclap.engines import nllb, paddle_ocr, roberta, t5_spell, xlm_r
from vemoclap.engines.reading_order import in_reading_order
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import Language, TextLine

BUILDERS = {
    "xlm-r": texts.build_xlm_r,
    "nllb": texts.build_nllb,
    "t5-spell": texts.build_t5_spell,
    "roberta": texts.build_roberta,
}
LOADERS = {
    "xlm-r": xlm_r.load,
    "nllb": nllb.load,
    "t5-spell": t5_spell.load,
    "roberta": roberta.load,
}
SOME = [
    "the weather is lovely this morning, is it not?",
    "das wetter ist heute schön.",
    "a",
    "你好世界",
    "breaking news: a goverment resigned today. bonjour tout le monde! good happy house",
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hub")
    for name, build in BUILDERS.items():
        build(home / name)
    return home


@pytest.fixture(autouse=True)
def miniature(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let engines find the miniature models."""
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub))
    monkeypatch.setattr(weights, "folder", lambda name: hub / name)


@pytest.fixture
def copied(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that copies a model to where a test may spoil it, and engines look."""

    def copy(name: str) -> Path:
        for path in (hub / name).iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path

    monkeypatch.setattr(weights, "folder", lambda name: tmp_path)
    return copy


class Watch:
    """Keep what a method was called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str = "forward"):
        self.calls: list[dict] = []
        inner = getattr(kind, name)

        def watched(model, *args, **options):
            named = dict(zip(("input_ids",), args, strict=False)) | options
            self.calls.append(named)
            return inner(model, *args, **options)

        monkeypatch.setattr(kind, name, watched)


def test_miniatures_are_small_and_always_the_same(hub: Path, tmp_path: Path):
    for name, build in BUILDERS.items():
        build(tmp_path / name)
    files = [path.relative_to(hub) for path in hub.rglob("*") if path.is_file()]
    assert sum((hub / path).stat().st_size for path in files) < 12e6
    for path in files:
        assert (hub / path).read_bytes() == (tmp_path / path).read_bytes(), path


# -- languages --------------------------------------------------------------------------------


def plain_xlm_r(hub: Path, text: str) -> torch.Tensor:
    from tokenizers import Tokenizer
    from transformers import XLMRobertaForSequenceClassification

    model = XLMRobertaForSequenceClassification.from_pretrained(hub / "xlm-r").eval()
    ids = Tokenizer.from_file(str(hub / "xlm-r" / "tokenizer.json")).encode(text).ids
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].softmax(-1)


def test_the_language_is_the_likeliest_of_the_published_labels(hub: Path):
    for text, found in zip(SOME, xlm_r.load("cpu")(SOME), strict=True):
        odds = plain_xlm_r(hub, text)
        assert found.code == texts.LANGUAGES[int(odds.argmax())]
        assert found.probability == pytest.approx(float(odds.max()), abs=1e-5)
    assert len({found.code for found in xlm_r.load("cpu")(SOME)}) > 2


def test_padding_does_not_change_languages(monkeypatch: pytest.MonkeyPatch):
    from transformers import XLMRobertaForSequenceClassification

    identify = xlm_r.load("cpu")
    alone = [identify([text])[0] for text in SOME]
    seen = Watch(monkeypatch, XLMRobertaForSequenceClassification)
    together = identify(SOME)
    assert [len(call["input_ids"]) for call in seen.calls] == [len(SOME)]
    assert [one.code for one in together] == [one.code for one in alone]
    odds = [one.probability for one in together]
    assert odds == pytest.approx([one.probability for one in alone], abs=1e-5)


def test_more_texts_than_a_batch_stay_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlm_r, "BATCH_SIZE", 2)
    identify = xlm_r.load("cpu")
    assert [one.code for one in identify(SOME)] == [identify([text])[0].code for text in SOME]


def test_no_text_is_no_evidence_of_a_language():
    identify = xlm_r.load("cpu")
    assert identify([]) == []
    blank, word, spaces = identify(["", "house", " \n"])
    assert blank == spaces == Language("en", pytest.approx(0.05))
    assert word == identify(["house"])[0]


def test_long_texts_are_cut_where_positions_end():
    (found,) = xlm_r.load("cpu")(["good house " * 1000])
    assert 0 < found.probability <= 1


# -- sentiment --------------------------------------------------------------------------------


def plain_roberta(hub: Path, text: str):
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaForSequenceClassification

    folder = hub / "roberta"
    bpe = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    ids = [0, *bpe.encode(text).ids[:510], 2]
    model = RobertaForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        answer = model(torch.tensor([ids]), output_hidden_states=True)
    return answer.hidden_states[-1][:, 0].numpy(), answer.logits[0].softmax(-1).tolist()


@pytest.mark.parametrize("text", [*SOME, "@somebody see https://example.org/ :-)", "good " * 900])
def test_the_sentiment_vector_is_the_last_hidden_state_at_the_first_token(hub: Path, text: str):
    vector, (negative, neutral, positive) = plain_roberta(hub, text)
    found = roberta.load("cpu")(text)
    assert found.vector.shape == (1, 768)
    assert found.vector.dtype == np.float32
    np.testing.assert_allclose(found.vector, vector, atol=1e-4)
    odds = {"negative": negative, "neutral": neutral, "positive": positive}
    assert found.label == max(odds, key=odds.get)
    assert found.score == pytest.approx(max(odds.values()), abs=1e-4)
    assert found.valence == pytest.approx(positive - negative, abs=1e-4)


def test_texts_differ_in_sentiment():
    judge = roberta.load("cpu")
    assert len({judge(text).label for text in [*SOME, ""]}) > 1
    assert np.abs(judge(SOME[0]).vector - judge(SOME[1]).vector).max() > 0.1


def test_capital_labels_are_the_same_labels(copied: Callable[[str], Path]):
    folder = copied("roberta")
    config = json.loads((folder / "config.json").read_text())
    names = {"0": "Negative", "1": "Neutral", "2": "Positive"}
    (folder / "config.json").write_text(json.dumps(config | {"id2label": names}))
    assert roberta.load("cpu")("good").label in roberta.LABELS


@pytest.mark.gpu
def test_half_precision_keeps_the_sentiment_vector():
    for text in SOME:
        exact = roberta.load("cpu")(text)
        half = roberta.load("cuda")(text)
        assert half.vector.dtype == np.float32
        a, b = exact.vector[0], half.vector[0]
        assert a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) >= 0.999
        assert half.score == pytest.approx(exact.score, abs=0.01)


@pytest.mark.gpu
def test_half_precision_keeps_languages():
    exact, half = xlm_r.load("cpu")(SOME), xlm_r.load("cuda")(SOME)
    assert [one.code for one in half] == [one.code for one in exact]
    odds = [one.probability for one in half]
    assert odds == pytest.approx([one.probability for one in exact], abs=0.02)


@pytest.mark.gpu
def test_texts_are_written_on_a_gpu_too():
    assert len(nllb.load("cuda")(SOME, ["de"] * len(SOME))) == len(SOME)
    assert len(t5_spell.load("cuda")(SOME)) == len(SOME)


# -- translation ------------------------------------------------------------------------------


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Watch:
    from transformers import M2M100ForConditionalGeneration

    return Watch(monkeypatch, M2M100ForConditionalGeneration, "generate")


def test_sources_begin_with_their_language_and_end_as_the_library_has_it(
    hub: Path, generated: Watch
):
    from transformers import NllbTokenizer

    tokenizer = NllbTokenizer.from_pretrained(hub / "nllb")
    translate = nllb.load("cpu")
    for code, name in nllb.CODES.items():
        if code == "en":
            continue
        translate(["heute"], [code])
        tokenizer.src_lang = name
        wanted = tokenizer("heute").input_ids
        assert generated.calls[-1]["input_ids"].tolist() == [wanted]
        assert wanted[0] == tokenizer.convert_tokens_to_ids(name) != tokenizer.unk_token_id


def test_translations_are_forced_to_be_english(hub: Path, generated: Watch):
    from transformers import NllbTokenizer

    english = NllbTokenizer.from_pretrained(hub / "nllb").convert_tokens_to_ids("eng_Latn")
    nllb.load("cpu")(["bonjour"], ["fr"])
    assert generated.calls[0]["forced_bos_token_id"] == english


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *(("ar", "arb_Arab"), ("bg", "bul_Cyrl"), ("de", "deu_Latn"), ("el", "ell_Grek")),
        *(("en", "eng_Latn"), ("es", "spa_Latn"), ("fr", "fra_Latn"), ("hi", "hin_Deva")),
        *(("it", "ita_Latn"), ("ja", "jpn_Jpan"), ("nl", "nld_Latn"), ("pl", "pol_Latn")),
        *(("pt", "por_Latn"), ("ru", "rus_Cyrl"), ("sw", "swh_Latn"), ("th", "tha_Thai")),
        *(("tr", "tur_Latn"), ("ur", "urd_Arab"), ("vi", "vie_Latn"), ("zh", "zho_Hans")),
    ],
)
def test_the_papers_languages(code: str, name: str):
    assert nllb.CODES[code] == name


def test_every_language_that_can_be_found_can_be_translated():
    assert set(texts.LANGUAGES) == xlm_r.CODES <= set(nllb.CODES)


def test_all_languages_are_translated_at_once_as_if_alone(generated: Watch):
    translate = nllb.load("cpu")
    codes = ["fr", "de", "ru", "zh", "it"]
    together = translate(SOME, codes)
    assert len(generated.calls) == 1
    assert together == [translate([one], [code])[0] for one, code in zip(SOME, codes, strict=True)]
    assert len(set(together)) > 2
    assert all(together)


def test_the_language_of_a_source_matters():
    translate = nllb.load("cpu")
    assert len(set(translate([SOME[1]] * 20, texts.LANGUAGES))) > 1


def test_english_and_blank_texts_come_back_as_they_are(generated: Watch):
    translate = nllb.load("cpu")
    assert translate(["Good  day", "", "  "], ["en", "de", "fr"]) == ["Good  day", "", "  "]
    assert translate([], []) == []
    assert not generated.calls


def test_an_unknown_language_is_named_and_nothing_pretended(generated: Watch):
    with pytest.raises(EngineError, match="'tlh'"):
        nllb.load("cpu")(["bonjour", "nuqneH"], ["fr", "tlh"])
    assert not generated.calls


def test_translations_and_their_sources_are_bounded(
    generated: Watch, monkeypatch: pytest.MonkeyPatch
):
    assert nllb.MAX_TOKENS == nllb.longest(512) == 512
    monkeypatch.setattr(nllb, "MAX_TOKENS", 60)
    translate = nllb.load("cpu")
    translate(["a"], ["de"])
    translate(["house " * 700], ["fr"])
    short, long = generated.calls
    assert short["max_new_tokens"] == 2 * short["input_ids"].shape[1] + 16 < 60
    assert long["input_ids"].shape == (1, 60)
    assert long["input_ids"][0, -1] == 2  # still ended
    assert long["max_new_tokens"] == 60
    assert long["do_sample"] is False
    assert long["num_beams"] == 1


# -- spelling ---------------------------------------------------------------------------------


@pytest.fixture
def corrected(monkeypatch: pytest.MonkeyPatch) -> Watch:
    from transformers import T5ForConditionalGeneration

    return Watch(monkeypatch, T5ForConditionalGeneration, "generate")


def test_the_corrector_sees_its_prefix(hub: Path, corrected: Watch):
    from tokenizers import Tokenizer

    t5_spell.load("cpu")(["a goverment resigned"])
    tokenizer = Tokenizer.from_file(str(hub / "t5-spell" / "tokenizer.json"))
    wanted = tokenizer.encode("grammar: a goverment resigned").ids
    assert corrected.calls[0]["input_ids"].tolist() == [wanted]
    assert wanted[-1] == tokenizer.token_to_id("</s>")


def test_all_texts_are_corrected_at_once_as_if_alone(corrected: Watch):
    correct = t5_spell.load("cpu")
    together = correct(SOME)
    assert len(corrected.calls) == 1
    assert together == [correct([text])[0] for text in SOME]
    assert len(set(together)) > 2
    assert all(together)


def test_blank_texts_are_not_corrected(corrected: Watch):
    correct = t5_spell.load("cpu")
    assert correct([]) == []
    assert correct(["", " "]) == ["", " "]
    assert not corrected.calls
    first, blank, last = correct([SOME[0], "", SOME[1]])
    assert (first, blank, last) == (correct([SOME[0]])[0], "", correct([SOME[1]])[0])


def test_corrections_and_their_texts_are_bounded(corrected: Watch, monkeypatch: pytest.MonkeyPatch):
    assert t5_spell.MAX_TOKENS == t5_spell.longest(512) == 512
    monkeypatch.setattr(t5_spell, "MAX_TOKENS", 60)
    correct = t5_spell.load("cpu")
    correct(["good house"])
    correct(["house " * 700])
    short, long = corrected.calls
    size = short["input_ids"].shape[1]
    assert short["max_new_tokens"] == size + size // 2 + 8 < 60
    assert long["input_ids"].shape == (1, 60)
    assert long["max_new_tokens"] == 60
    assert long["do_sample"] is False
    assert long["num_beams"] == 1


# -- what is true of all ----------------------------------------------------------------------


def test_text_engines_are_silent_and_offline(hub: Path, tmp_path: Path):
    script = """
        import socket, sys
        def refuse(*args, **kwargs):
            print("network:", args)
            raise OSError("no network")
        socket.getaddrinfo = socket.socket.connect = refuse
        from pathlib import Path
        from vemoclap import weights
        from vemoclap.engines import nllb, roberta, t5_spell, xlm_r
        weights.folder = lambda name: Path(sys.argv[1]) / name
        xlm_r.load("cpu")(["bonjour", "good morning to everybody"])
        nllb.load("cpu")(["bonjour", "guten Morgen"], ["fr", "de"])
        t5_spell.load("cpu")(["a goverment", "house"])
        roberta.load("cpu")("good " * 900)
    """
    user, work, home = tmp_path / "user", tmp_path / "work", tmp_path / "home"
    for folder in (user, work, home):
        folder.mkdir()
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"HOME": str(user), "VEMOCLAP_HOME": str(home)}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(hub)],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert not list(work.iterdir())
    assert not list(user.iterdir())


def change(folder: Path, alter: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change a model's weights in place."""
    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    tensors = load_file(safe) if safe.exists() else torch.load(pickled, weights_only=True)
    alter(tensors)
    if safe.exists():
        save_file(tensors, safe, {"format": "pt"})
    else:
        torch.save(tensors, pickled)


KEYS = {
    "xlm-r": "classifier.out_proj.weight",
    "nllb": "model.encoder.layers.0.fc1.weight",
    "t5-spell": "decoder.final_layer_norm.weight",
    "roberta": "roberta.encoder.layer.0.output.dense.bias",
}


@pytest.mark.parametrize("name", BUILDERS)
def test_a_missing_weight_is_named(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.pop(KEYS[name]))
    with pytest.raises(WeightsError, match=KEYS[name]):
        LOADERS[name]("cpu")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_strange_weight_is_named(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.update({"strange.weight": torch.ones(1)}))
    with pytest.raises(WeightsError, match=r"strange\.weight"):
        LOADERS[name]("cpu")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_misshapen_weight_is_refused(name: str, copied: Callable[[str], Path]):
    change(copied(name), lambda tensors: tensors.update({KEYS[name]: torch.ones(3)}))
    with pytest.raises(WeightsError, match="damaged"):
        LOADERS[name]("cpu")


@pytest.mark.parametrize("name", BUILDERS)
def test_damaged_weights_are_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    for path in (*folder.glob("*.safetensors"), *folder.glob("*.bin")):
        path.write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match="damaged"):
        LOADERS[name]("cpu")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_damaged_tokenizer_is_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    (folder / ("vocab.json" if name == "roberta" else "tokenizer.json")).write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="tokenizer"):
        LOADERS[name]("cpu")


class Trap:
    """Something whose pickle, opened carelessly, makes a folder."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("name", BUILDERS)
def test_weights_that_ask_for_code_to_be_run_are_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    (folder / "model.safetensors").unlink(missing_ok=True)
    torch.save({"a": Trap(folder / "trapped")}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError):
        LOADERS[name]("cpu")
    assert not (folder / "trapped").exists()


@pytest.mark.parametrize("name", ["xlm-r", "roberta"])
def test_a_classifier_of_other_things_is_refused(name: str, copied: Callable[[str], Path]):
    folder = copied(name)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {key: f"LABEL_{key}" for key in config["id2label"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="label_0"):
        LOADERS[name]("cpu")


def test_a_translator_without_a_language_is_refused(copied: Callable[[str], Path]):
    folder = copied("nllb")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (folder / name).read_text("utf-8").replace("fra_Latn", "xxx_Xxxx")
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(WeightsError, match="fra_Latn"):
        nllb.load("cpu")


# -- text in pictures -------------------------------------------------------------------------


def test_without_paddleocr_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paddle_ocr, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"pip install 'vemoclap\[paddle\]'"):
        paddle_ocr.load("cpu")


def test_paddleocr_runs_the_files_of_rapidocr():
    for model in (paddle_ocr.DETECTOR, paddle_ocr.READER):
        assert paddle_ocr._file_of(model).is_file()
    characters = paddle_ocr._reader_settings()["PostProcess"]["character_dict"]
    assert {"a", "Z", "7", "é", "你"} <= set(characters)


def test_paddleocr_is_given_bgr_and_its_lines_are_put_in_order():
    class Reader:
        def predict(self, picture):
            assert picture[0, 0].tolist() == [3, 2, 1]
            low, high = ([(0, y), (9, y), (9, y + 5), (0, y + 5)] for y in (20, 5))
            return [{"rec_polys": [low, high], "rec_texts": ["b", "a"], "rec_scores": [0.1, 0.9]}]

    frame = np.full((30, 40, 3), (1, 2, 3), np.uint8)
    first, second = paddle_ocr._lines(Reader(), frame)
    assert (first.text, first.confidence, second.text) == ("a", 0.9, "b")
    assert first.corners[0] == (0.0, 5.0)


def test_rows_are_read_before_columns():
    def line(text: str, left: float, top: float) -> TextLine:
        right, bottom = left + 80, top + 20
        return TextLine(text, 1.0, ((left, top), (right, top), (right, bottom), (left, bottom)))

    lines = [line("d", 200, 60), line("b", 200, 8), line("a", 10, 12), line("c", 10, 61)]
    assert "".join(one.text for one in in_reading_order(lines)) == "abcd"
