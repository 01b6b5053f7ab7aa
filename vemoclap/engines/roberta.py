"""Sentiment of English text: Cardiff NLP's RoBERTa (Loureiro et al. 2022), trained on tweets."""

from collections.abc import Callable

from vemoclap.engines import pretrained
from vemoclap.records import Sentiment

ARTEFACT = "roberta"
SPACE = "roberta/twitter-sentiment-latest/cls"  # what the vectors are, for the classifier
LABELS = frozenset(("negative", "neutral", "positive"))
MAX_TOKENS = 512  # what the model has positions for; the rest of a text is cut off


def load(device: str) -> Callable[[str], Sentiment]:
    """Return a judge: English text -> its polarity and its feature, a (1, 768) vector.

    The vector is the last hidden state at the first token, before the classification head.
    ``valence`` is the probability of positive minus that of negative. The text goes in as it is:
    the model's own authors replace names and links first, the paper's features did not.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    tokenizer = pretrained.tokenizer("RobertaTokenizer", ARTEFACT)
    network = pretrained.network(
        # The published file also holds a pooler, which a classifier does not have.
        "RobertaForSequenceClassification",
        ARTEFACT,
        device,
        spare=("roberta.pooler.",),
    )
    names = pretrained.labels(network.config, LABELS, ARTEFACT)

    def judge(text: str) -> Sentiment:
        inputs = tokenizer(text, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            hidden = network.roberta(**inputs.to(device)).last_hidden_state  # (1, tokens, 768)
            odds = network.classifier(hidden).float().softmax(-1)[0].tolist()  # (3,)
        of = dict(zip(names, odds, strict=True))
        label = max(of, key=lambda name: of[name])
        vector = hidden[:, 0].float().cpu().numpy()  # (1, 768)
        return Sentiment(label, of[label], of["positive"] - of["negative"], vector)

    return judge
