"""The paper's corrector of spelling, on a miniature in the published layout."""

import pytest

from tests.miniatures import TEXTS, Hub, Watch
from vemoclap.engines import t5_spell

pytestmark = pytest.mark.usefixtures("miniatures")


@pytest.fixture
def corrected(monkeypatch: pytest.MonkeyPatch) -> Watch:
    from transformers import T5ForConditionalGeneration

    return Watch(monkeypatch, T5ForConditionalGeneration, "generate")


def test_the_corrector_sees_its_prefix(hub: Hub, corrected: Watch):
    from tokenizers import Tokenizer

    t5_spell.load("cpu")(["a goverment resigned"])
    tokenizer = Tokenizer.from_file(str(hub / "t5-spell" / "tokenizer.json"))
    wanted = tokenizer.encode("grammar: a goverment resigned").ids
    assert corrected.calls[0]["input_ids"].tolist() == [wanted]
    assert wanted[-1] == tokenizer.token_to_id("</s>")


def test_all_texts_are_corrected_at_once_as_if_alone(corrected: Watch):
    correct = t5_spell.load("cpu")
    together = correct(TEXTS)
    assert len(corrected.calls) == 1
    assert together == [correct([text])[0] for text in TEXTS]
    assert len(set(together)) > 2
    assert all(together)


def test_blank_texts_are_not_corrected(corrected: Watch):
    correct = t5_spell.load("cpu")
    assert correct([]) == []
    assert correct(["", " "]) == ["", " "]
    assert not corrected.calls
    first, blank, last = correct([TEXTS[0], "", TEXTS[1]])
    assert (first, blank, last) == (correct([TEXTS[0]])[0], "", correct([TEXTS[1]])[0])


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


@pytest.mark.gpu
def test_texts_are_corrected_on_a_gpu_too():
    assert len(t5_spell.load("cuda")(TEXTS)) == len(TEXTS)
