"""What a timeline's numbers say: the emotion of a span, the strongest spans, who showed what."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vemoclap.records import Span
from vemoclap.report.wording import EMOTION_COLOURS, clean, percent
from vemoclap.timeline.records import Moment, Timeline

UNKNOWN = "unknown"  # in place of an emotion where there are no probabilities
NONE_PRESENT = "none"  # of a model with thresholds, where no emotion reaches its own
# What other collections call the six (CMU-MOSEI says happy and sad).
_SAME_AS = {
    "angry": "anger",
    "disgusted": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "happy": "joy",
    "happiness": "joy",
    "sad": "sadness",
    "surprised": "surprise",
}
_OTHER_COLOURS = ("#6b7785", "#8a6d3b", "#4d8f8b", "#9a5b5b", "#5b6fa8", "#7d8f3a")


@dataclass(frozen=True)
class Emotion:
    """A label and its probability in one span."""

    label: str
    probability: float
    present: bool  # the most likely one, or one that reaches its threshold

    @property
    def said(self) -> str:
        """The two in words: "joy 42 %"."""
        return f"{clean(self.label)} {percent(self.probability)}"


def colours(labels: Sequence[str]) -> tuple[str, ...]:
    """Return a colour for each label, the same in every picture of it."""
    others = iter(_OTHER_COLOURS * (1 + len(labels) // len(_OTHER_COLOURS)))
    known = (EMOTION_COLOURS.get(_SAME_AS.get(label, label)) for label in labels)
    return tuple(colour or next(others) for colour in known)


def emotions(
    labels: Sequence[str], probabilities: Sequence[float], thresholds: Sequence[float] | None
) -> tuple[Emotion, ...]:
    """Return every label with its probability, in the order of the labels.

    Without thresholds the most likely one is present; with them, each that reaches its own.
    """
    most = max(range(len(labels)), key=lambda place: probabilities[place])
    return tuple(
        Emotion(
            label,
            probability,
            place == most if thresholds is None else probability >= thresholds[place],
        )
        for place, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
    )


def present(moment: Moment, by: Timeline) -> tuple[Emotion, ...]:
    """Return the emotions that are present in a span, the most likely first."""
    if moment.probabilities is None:
        return ()
    found = emotions(by.labels, moment.probabilities, by.thresholds)
    return tuple(sorted((one for one in found if one.present), key=lambda one: -one.probability))


def said(moment: Moment, by: Timeline) -> str:
    """Return the emotion of a span in a few words: "joy 42 %", "happy 61 %, fear 20 %", "none"."""
    if moment.probabilities is None:
        return UNKNOWN
    return ", ".join(one.said for one in present(moment, by)) or NONE_PRESENT


def label_of(moment: Moment, by: Timeline) -> str:
    """Return the labels that are present in a span, without their numbers, joined by a space."""
    return " ".join(clean(one.label) for one in present(moment, by))


@dataclass(frozen=True)
class Peak:
    """The span in which an emotion is strongest."""

    emotion: Emotion
    colour: str
    moment: Moment


def peaks(timeline: Timeline) -> tuple[Peak, ...]:
    """Return the strongest span of each emotion, the emotion with the highest peak first."""
    known = [moment for moment in timeline.moments if moment.probabilities is not None]
    if not known:
        return ()
    found = []
    for place, (label, colour) in enumerate(
        zip(timeline.labels, colours(timeline.labels), strict=True)
    ):
        best = max(known, key=lambda one: one.probabilities[place] if one.probabilities else 0.0)
        assert best.probabilities is not None
        emotion = emotions(timeline.labels, best.probabilities, timeline.thresholds)[place]
        found.append(Peak(Emotion(label, emotion.probability, emotion.present), colour, best))
    return tuple(sorted(found, key=lambda peak: -peak.emotion.probability))


@dataclass(frozen=True)
class Step:
    """A stretch of time in which the probabilities stay the same."""

    span: Span
    probabilities: tuple[float, ...] | None


def steps(timeline: Timeline, most: int) -> tuple[Step, ...]:
    """Return the probabilities over time, where windows overlap the mean of all that are there.

    Of a timeline with more than ``most`` steps, stretches of equal length are given, each with
    the mean over what lies in it.
    """
    moments = timeline.moments
    edges = sorted({edge for m in moments for edge in (m.span.start_s, m.span.end_s)})
    if len(edges) - 1 > most:
        low, high = edges[0], edges[-1]
        edges = [low + (high - low) * place / most for place in range(most + 1)]
    found, first = [], 0
    for start_s, end_s in itertools.pairwise(edges):
        while first < len(moments) and moments[first].span.end_s <= start_s:
            first += 1  # spans are in the order of time
        sums, weight = [0.0] * len(timeline.labels), 0.0
        for moment in moments[first:]:
            if moment.span.start_s >= end_s:
                break
            shared = min(end_s, moment.span.end_s) - max(start_s, moment.span.start_s)
            if shared <= 0 or moment.probabilities is None:
                continue
            weight += shared
            sums = [a + shared * b for a, b in zip(sums, moment.probabilities, strict=True)]
        known = tuple(value / weight for value in sums) if weight > 0 else None
        found.append(Step(Span(start_s, end_s), known))
    return tuple(found)


@dataclass(frozen=True)
class Run:
    """A stretch of time without a gap: the edges of its steps, and the probabilities in each."""

    edges: tuple[float, ...]  # seconds, one more than there are steps
    probabilities: tuple[tuple[float, ...], ...]


def runs(timeline: Timeline, most: int) -> list[Run]:
    """Return the steps over time, of which see ``steps``, without those that are unknown."""
    found: list[Run] = []
    for known, group in itertools.groupby(
        steps(timeline, most), key=lambda step: step.probabilities is not None
    ):
        if known:
            part = list(group)
            edges = (*(step.span.start_s for step in part), part[-1].span.end_s)
            found.append(Run(edges, tuple(step.probabilities or () for step in part)))
    return found


def apart(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return spans, in the order of their starts, cut so that no two overlap.

    Where two do, the first ends and the second begins in the middle of what they share.
    """
    starts = [span.start_s for span in spans]
    ends = [span.end_s for span in spans]
    for place in range(1, len(spans)):
        if starts[place] < ends[place - 1]:
            middle = (starts[place] + ends[place - 1]) / 2
            starts[place] = ends[place - 1] = middle
    return tuple(Span(start, max(start, end)) for start, end in zip(starts, ends, strict=True))


@dataclass(frozen=True)
class Shown:
    """What a followed face showed from a time on."""

    start_s: float
    label: str
    probability: float


def shown_by(timeline: Timeline, track: int) -> tuple[Shown, ...]:
    """Return how a face's expression changes, span by span; spans that say the same are joined."""
    found: list[Shown] = []
    for moment in timeline.moments:
        seen = [
            (face.time_s, face.expression)
            for face in moment.faces or ()
            if face.track == track and face.expression is not None
        ]
        if not seen:
            continue
        counts = Counter(expression.label for _, expression in seen)
        label = counts.most_common(1)[0][0]
        best = max(e.probability for _, e in seen if e.label == label)
        if not found or found[-1].label != label:
            found.append(Shown(seen[0][0], label, best))
    return tuple(found)
