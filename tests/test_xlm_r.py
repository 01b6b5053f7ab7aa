"""The paper's identifier of languages, on a miniature in the published layout."""

import pytest
import torch

from tests.hub import texts
from tests.miniatures import TEXTS, Hub, Watch
from vemoclap.engines import xlm_r
from vemoclap.engines.batching import Appetite
from vemoclap.records import Language

pytestmark = pytest.mark.usefixtures("miniatures")


def plain_xlm_r(hub: Hub, text: str) -> torch.Tensor:
    from tokenizers import Tokenizer
    from transformers import XLMRobertaForSequenceClassification

    model = XLMRobertaForSequenceClassification.from_pretrained(hub / "xlm-r").eval()
    ids = Tokenizer.from_file(str(hub / "xlm-r" / "tokenizer.json")).encode(text).ids
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].softmax(-1)


def test_the_language_is_the_likeliest_of_the_published_labels(hub: Hub):
    for text, found in zip(TEXTS, xlm_r.load("cpu")(TEXTS), strict=True):
        odds = plain_xlm_r(hub, text)
        assert found.code == texts.LANGUAGES[int(odds.argmax())]
        assert found.probability == pytest.approx(float(odds.max()), abs=1e-5)
    assert len({found.code for found in xlm_r.load("cpu")(TEXTS)}) > 2


def test_padding_does_not_change_languages(monkeypatch: pytest.MonkeyPatch):
    from transformers import XLMRobertaForSequenceClassification

    identify = xlm_r.load("cpu")
    alone = [identify([text])[0] for text in TEXTS]
    seen = Watch(monkeypatch, XLMRobertaForSequenceClassification)
    together = identify(TEXTS)
    assert [len(call["input_ids"]) for call in seen.calls] == [len(TEXTS)]
    assert [one.code for one in together] == [one.code for one in alone]
    odds = [one.probability for one in together]
    assert odds == pytest.approx([one.probability for one in alone], abs=1e-5)


def test_more_texts_than_a_batch_stay_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlm_r, "APPETITE", Appetite(1, most=2))
    identify = xlm_r.load("cpu")
    assert [one.code for one in identify(TEXTS)] == [identify([text])[0].code for text in TEXTS]


def test_no_text_is_no_evidence_of_a_language():
    identify = xlm_r.load("cpu")
    assert identify([]) == []
    blank, word, spaces = identify(["", "house", " \n"])
    assert blank == spaces == Language("en", pytest.approx(0.05))
    assert word == identify(["house"])[0]


def test_long_texts_are_cut_where_positions_end():
    (found,) = xlm_r.load("cpu")(["good house " * 1000])
    assert 0 < found.probability <= 1


@pytest.mark.gpu
def test_half_precision_keeps_languages():
    exact, half = xlm_r.load("cpu")(TEXTS), xlm_r.load("cuda")(TEXTS)
    assert [one.code for one in half] == [one.code for one in exact]
    odds = [one.probability for one in half]
    assert odds == pytest.approx([one.probability for one in exact], abs=0.02)
