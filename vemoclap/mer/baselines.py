"""What a model must beat: the most frequent answer, and the words alone."""

from collections.abc import Sequence

import numpy as np

from vemoclap.mer import metrics
from vemoclap.mer.metrics import Labels, Probabilities

FEWEST = 2  # texts that must have a word before it counts


def majority(train: Labels, count: int) -> Labels:
    """Return ``count`` times the answer that most training utterances have, label by label."""
    return np.tile(train.mean(axis=0) > 0.5, (count, 1))


def text_only(
    train: tuple[Sequence[str], Labels],
    val: tuple[Sequence[str], Labels],
    tested: Sequence[str],
) -> Labels:
    """Return what a logistic regression on the words says, a label at a time.

    Words count by how rare they are (TF-IDF, words and pairs of words); thresholds are chosen on
    validation as the model's are. It is all that can be had of the words without a network.

    Args:
        train: the words of utterances to learn from, and their labels.
        val: those that thresholds are chosen on.
        tested: the words to judge.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, truth = train
    seen = TfidfVectorizer(ngram_range=(1, 2), min_df=min(FEWEST, len(texts)), sublinear_tf=True)
    try:
        features = seen.fit_transform(texts)
    except ValueError:  # no word is there often enough
        return majority(truth, len(tested))
    validated = seen.transform(val[0])
    judged = seen.transform(tested)
    found = [_column(features, truth[:, place], (validated, judged)) for place in _places(truth)]
    chosen = metrics.thresholds(val[1], np.stack([one[0] for one in found], axis=1))
    return np.stack([one[1] for one in found], axis=1) >= np.array(chosen)


def _places(truth: Labels) -> range:
    return range(truth.shape[1])


def _column(
    features: object, truth: np.ndarray, others: tuple[object, ...]
) -> tuple[Probabilities, ...]:
    """Return the probabilities of one label in other utterances."""
    from sklearn.linear_model import LogisticRegression

    if truth.all() or not truth.any():
        return tuple(np.full(_count(one), float(truth[0])) for one in others)
    judge = LogisticRegression(max_iter=1000, class_weight="balanced").fit(features, truth)
    return tuple(judge.predict_proba(one)[:, 1] for one in others)


def _count(rows: object) -> int:
    return int(rows.shape[0])  # type: ignore[attr-defined]
