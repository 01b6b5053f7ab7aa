"""Sentiment of English text: VADER (Hutto & Gilbert 2014), a lexicon with rules."""

from collections.abc import Callable

from vemoclap.records import Sentiment

NEUTRAL = 0.05  # of the compound score either side of 0, the thresholds its authors publish


def load(device: str) -> Callable[[str], Sentiment]:
    """Return a judge: English text -> its polarity.

    ``valence`` is VADER's compound score. It has no probabilities, so ``score`` is a strength:
    the size of the compound score, or for a neutral text how far that is from its end. It is a
    lexicon, so it stays on the CPU whatever ``device`` says, and gives no feature vector.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()

    def judge(text: str) -> Sentiment:
        compound = float(analyser.polarity_scores(text)["compound"])
        if abs(compound) < NEUTRAL:
            return Sentiment("neutral", 1 - abs(compound), compound, None)
        label = "positive" if compound > 0 else "negative"
        return Sentiment(label, abs(compound), compound, None)

    return judge
