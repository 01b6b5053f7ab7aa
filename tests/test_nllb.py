"""The paper's translator, on a miniature in the published layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub import texts
from tests.miniatures import TEXTS, Hub, Watch
from vemoclap.engines import nllb, xlm_r
from vemoclap.errors import EngineError, WeightsError

pytestmark = pytest.mark.usefixtures("miniatures")


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Watch:
    from transformers import M2M100ForConditionalGeneration

    return Watch(monkeypatch, M2M100ForConditionalGeneration, "generate")


def test_sources_begin_with_their_language_and_end_as_the_library_has_it(
    hub: Hub, generated: Watch
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


def test_translations_are_forced_to_be_english(hub: Hub, generated: Watch):
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
    together = translate(TEXTS, codes)
    assert len(generated.calls) == 1
    assert together == [translate([one], [code])[0] for one, code in zip(TEXTS, codes, strict=True)]
    assert len(set(together)) > 2
    assert all(together)


def test_the_language_of_a_source_matters():
    translate = nllb.load("cpu")
    assert len(set(translate([TEXTS[1]] * 20, texts.LANGUAGES))) > 1


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


def test_a_translator_without_a_language_is_refused(copied: Callable[[str], Path]):
    folder = copied("nllb")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (folder / name).read_text("utf-8").replace("fra_Latn", "xxx_Xxxx")
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(WeightsError, match="fra_Latn"):
        nllb.load("cpu")


@pytest.mark.gpu
def test_texts_are_translated_on_a_gpu_too():
    assert nllb.load("cuda")(["bonjour", "guten Morgen"], ["fr", "de"])
