"""Metrics of several labels, held against scikit-learn; thresholds, against trying them all."""

import numpy as np
import pytest
from sklearn import metrics as reference

from vemoclap.mer import baselines, metrics

NAMES = ("a", "b", "c", "d")


def drawn(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shares = np.array([0.5, 0.1, 0.9, 0.3])
    return rng.random((count, 4)) < shares, rng.random((count, 4)) < shares


@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_scikit_learns(seed: int):
    truth, answers = drawn(seed)
    found = metrics.measure(truth, answers, NAMES)
    assert found.micro_f1 == pytest.approx(reference.f1_score(truth, answers, average="micro"))
    assert found.macro_f1 == pytest.approx(reference.f1_score(truth, answers, average="macro"))
    assert found.accuracy == pytest.approx(1 - reference.hamming_loss(truth, answers))
    assert [row.label for row in found.labels] == list(NAMES)
    for place, row in enumerate(found.labels):
        real, said = truth[:, place], answers[:, place]
        assert row.f1 == pytest.approx(reference.f1_score(real, said))
        assert row.weighted_f1 == pytest.approx(reference.f1_score(real, said, average="weighted"))
        assert row.weighted_accuracy == pytest.approx(reference.balanced_accuracy_score(real, said))
        assert row.accuracy == pytest.approx(reference.accuracy_score(real, said))
        assert row.support == real.sum()
    for name in ("weighted_accuracy", "weighted_f1"):
        mean = np.mean([getattr(row, name) for row in found.labels])
        assert getattr(found, name) == pytest.approx(mean)


def test_weighted_accuracy_is_that_of_the_papers_on_cmu_mosei():
    truth = np.array([[1], [1], [0], [0], [0], [0], [0], [0]], bool)
    answers = np.array([[1], [0], [0], [0], [0], [0], [0], [1]], bool)
    right, wrong, positives, negatives = 1, 5, 2, 6  # TP, TN, P, N
    published = (right * negatives / positives + wrong) / (2 * negatives)
    assert metrics.measure(truth, answers, "a").weighted_accuracy == pytest.approx(published)


def test_a_label_that_nobody_has_and_nobody_names_counts_as_nothing():
    nobody = np.zeros((4, 1), bool)
    found = metrics.measure(nobody, nobody, "a")
    assert (found.weighted_accuracy, found.weighted_f1, found.accuracy) == (1, 1, 1)
    assert (found.micro_f1, found.macro_f1) == (0, 0)


@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_gives_a_larger_f1_than_the_chosen(seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.random((40, 3)) < (0.1, 0.4, 0.8)
    found = np.round(rng.random((40, 3)) * 0.6 + truth * 0.2, 1 if seed % 2 else 6)  # also ties
    chosen = metrics.thresholds(truth, found)
    for place, threshold in enumerate(chosen):
        real, values = truth[:, place], found[:, place]
        tried = [*np.unique(values), -1.0, 2.0]
        best = max(reference.f1_score(real, values >= one, zero_division=0) for one in tried)
        assert reference.f1_score(real, values >= threshold) == pytest.approx(best)


def test_thresholds_lie_between_probabilities_and_near_one_half():
    truth = np.array([[0], [0], [1], [1]], bool)
    found = np.array([[0.1], [0.2], [0.3], [0.9]])
    assert metrics.thresholds(truth, found) == (pytest.approx(0.25),)
    # 0.4 and 0.6 give the same F1 as any threshold between the one wrong and the right ones.
    assert metrics.thresholds(np.zeros((4, 1), bool), found) == (0.5,)


def test_the_baseline_of_words_finds_what_lies_in_words_and_only_that():
    rng = np.random.default_rng(0)
    truth = rng.random((300, 2)) < 0.3
    fillers = rng.choice(["we", "went", "home", "again", "and", "sang"], (300, 4))
    texts = [
        " ".join([*row, "awful" if one[0] else "fine"])
        for row, one in zip(fillers, truth, strict=True)
    ]
    said = baselines.text_only(
        (texts[:150], truth[:150]), (texts[150:200], truth[150:200]), texts[200:]
    )
    found = metrics.measure(truth[200:], said, ("told", "hidden"))
    assert found.labels[0].f1 == 1
    assert found.labels[1].weighted_accuracy < 0.65


def test_baselines_live_without_words_and_with_labels_that_are_always_or_never_there():
    truth = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]], bool)
    assert baselines.majority(truth, 2).tolist() == [[True, False, False]] * 2
    empty = (["", "", ""], truth)
    assert baselines.text_only(empty, empty, ["", ""]).tolist() == [[True, False, False]] * 2
    words = (["so it is", "so it was", "so it is"], truth)
    said = baselines.text_only(words, words, ["so it is"])
    assert said[0, 0]
    assert not said[0, 1]
