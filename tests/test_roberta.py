"""The paper's judge of sentiment, on a miniature in the published layout."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.miniatures import TEXTS, Hub
from vemoclap.engines import roberta

pytestmark = pytest.mark.usefixtures("miniatures")


def plain_roberta(hub: Hub, text: str):
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaForSequenceClassification

    folder = hub / "roberta"
    bpe = ByteLevelBPETokenizer.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    ids = [0, *bpe.encode(text).ids[:510], 2]
    model = RobertaForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        answer = model(torch.tensor([ids]), output_hidden_states=True)
    return answer.hidden_states[-1][:, 0].numpy(), answer.logits[0].softmax(-1).tolist()


@pytest.mark.parametrize("text", [*TEXTS, "@somebody see https://example.org/ :-)", "good " * 900])
def test_the_sentiment_vector_is_the_last_hidden_state_at_the_first_token(hub: Hub, text: str):
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
    assert len({judge(text).label for text in [*TEXTS, ""]}) > 1
    assert np.abs(judge(TEXTS[0]).vector - judge(TEXTS[1]).vector).max() > 0.1


def test_capital_labels_are_the_same_labels(copied: Callable[[str], Path]):
    folder = copied("roberta")
    config = json.loads((folder / "config.json").read_text())
    names = {"0": "Negative", "1": "Neutral", "2": "Positive"}
    (folder / "config.json").write_text(json.dumps(config | {"id2label": names}))
    assert roberta.load("cpu")("good").label in roberta.LABELS


@pytest.mark.gpu
def test_half_precision_keeps_the_sentiment_vector():
    for text in TEXTS:
        exact = roberta.load("cpu")(text)
        half = roberta.load("cuda")(text)
        assert half.vector.dtype == np.float32
        a, b = exact.vector[0], half.vector[0]
        assert a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) >= 0.999
        assert half.score == pytest.approx(exact.score, abs=0.01)
