"""Curves and sentiment -> valence and arousal -> six probabilities, with nothing trained.

An honest baseline for machines that have no weights, made of published relations:

- Arousal follows motion, the rate of cuts and the energy of the sound, each put on a common
  scale, averaged and smoothed under a Kaiser window: A. Hanjalic and L.-Q. Xu, "Affective Video
  Content Representation and Modeling", IEEE Transactions on Multimedia 7(1), 2005. They stretch
  each curve to the range of its own video; here the scale is fixed, so that videos compare.
- Colour adds to both: pleasure = .69 B + .22 S and arousal = -.31 B + .60 S, with brightness B
  and saturation S in standard deviations: P. Valdez and A. Mehrabian, "Effects of Color on
  Emotions", Journal of Experimental Psychology: General 123(4), 1994.
- Valence follows what the words say, where there are words, far more than colour.
- The six emotions lie where people place their names: J. A. Russell and A. Mehrabian, "Evidence
  for a Three-Factor Theory of Emotions", Journal of Research in Personality 11(3), 1977.

Limits. Colour patches on paper and the meaning of words were studied, not videos; faces, voices,
music and the story are not looked at; anger, disgust and fear lie so close together that this
plane cannot tell them apart. The averages and spreads of "a usual video" below were set by hand,
not fitted to a collection. It is no substitute for the classifier.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemoclap.errors import EngineError
from vemoclap.readings.curves import smooth
from vemoclap.records import (
    EMOTIONS,
    OK,
    Affect,
    Curves,
    Feature,
    Features,
    Floats,
    Scores,
    ScreenReading,
    SpeechReading,
    absent,
)

FEATURE = "affect"
SPACE = "affect/valence-arousal/v1"  # (m, 2): valence, arousal; a change of scale is a new version
METHOD = "valence-arousal estimate"
NOTE = (
    "An untrained estimate from motion, cuts, loudness, colour and words: take it as a hint. "
    "It cannot tell anger, disgust and fear apart."
)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is usual for one measure, to count how far a video is from it."""

    mean: float
    deviation: float


# Set by hand on the project's samples and three clips from the web (motion 0.045 to 0.064,
# brightness 0.40 to 0.49, saturation 0.21 to 0.54, sound -23 to -16 dB), with spreads wide enough
# for a still talk and a music video to lie within two deviations. Motion and cuts are felt as
# ratios, so they count in octaves; sound in decibels.
MOTION = _Usual(np.log2(0.04), 1.5)  # octaves of the luma difference
CUTS = _Usual(np.log2(0.2), 1.5)  # octaves: shots of 5 s, about what films of this century have
SOUND = _Usual(-20.0, 8.0)  # dB below full scale, near the level that broadcasters aim at
BRIGHTNESS = _Usual(0.45, 0.18)
SATURATION = _Usual(0.35, 0.18)
STILLEST = 0.0025  # luma difference, four octaves below the usual: a still picture with its noise
QUIETEST = 1e-3  # root mean square, -60 dB: a silent room
LONGEST_SHOT_S = 20.0  # a longer one is no calmer

FURTHEST = 2.5  # deviations; silence or darkness beyond it is not felt as more

COLOUR_SHARE = 0.5  # in arousal, beside 1 each for the three of Hanjalic and Xu

# The mean of several measures of modest correlation has a deviation near 0.65; divided by 1.5 and
# bent by tanh, it spreads by about 0.3, as the six names of emotions do along arousal.
AROUSAL_SCALE = 1.5
AROUSAL_REACH = 0.7  # the six names reach 0.67

COLOUR_REACH = 0.4  # colour alone never says more than "rather pleasant"
TEXT_SHARE = 0.7  # in valence, where there are words, beside 0.3 for colour

SMOOTHING_S = 10.0  # length of the window, its middle half does most: feelings take seconds

# The estimate's own uncertainty, as a standard deviation on each axis, added to that of each
# emotion. Our judgement, not a measurement: the six names spread by 0.6 along valence and 0.35
# along arousal, and cues as low as these leave most of that open. So even a plain case gets
# probabilities well below certainty.
SPREAD = 0.5

# emotion -> mean and standard deviation of valence, mean and standard deviation of arousal
PLACES: Mapping[str, tuple[float, float, float, float]] = {
    "anger": (-0.51, 0.20, 0.59, 0.29),
    "disgust": (-0.60, 0.20, 0.35, 0.41),
    "fear": (-0.64, 0.20, 0.60, 0.32),
    "joy": (0.76, 0.22, 0.48, 0.26),
    "sadness": (-0.63, 0.23, -0.27, 0.34),
    "surprise": (0.40, 0.30, 0.67, 0.27),
}


def estimate(curves: Curves, speech: SpeechReading, screen: ScreenReading) -> Affect:
    """Return valence and arousal over time, on the grid of ``curves``, NaN where nothing is known.

    The sentiment of the words is one for the whole video, so it shifts the valence curve as a
    whole. ``basis`` names the evidence that was there.
    """
    shortest_rate = 1 / min(LONGEST_SHOT_S, len(curves.times_s) * curves.step_s)
    motion = _deviations(_octaves(curves.motion, STILLEST), MOTION)
    cuts = _deviations(_octaves(curves.cut_rate, shortest_rate), CUTS)
    sound = _deviations(20 * np.log10(np.maximum(curves.sound_energy, QUIETEST)), SOUND)
    bright = _deviations(curves.brightness, BRIGHTNESS)
    saturated = _deviations(curves.saturation, SATURATION)

    excitement = _mean(
        (motion, 1.0), (cuts, 1.0), (sound, 1.0), (0.60 * saturated - 0.31 * bright, COLOUR_SHARE)
    )
    arousal = AROUSAL_REACH * np.tanh(excitement / AROUSAL_SCALE)

    words = {
        "sentiment of the speech": speech.sentiment,
        "sentiment of the text on the screen": screen.sentiment,
    }
    tones = [tone.valence for tone in words.values() if tone is not None]
    text = np.full(len(curves.times_s), np.mean(tones) if tones else np.nan)
    pleasure = COLOUR_REACH * np.tanh(0.69 * bright + 0.22 * saturated)
    valence = _mean((text, TEXT_SHARE), (pleasure, 1 - TEXT_SHARE))

    measured = {
        "motion": motion,
        "cuts": cuts,
        "sound energy": sound,
        "brightness and saturation": pleasure,
    }
    basis = [name for name, values in measured.items() if np.isfinite(values).any()]
    basis += [name for name, tone in words.items() if tone is not None]
    return Affect(
        times_s=curves.times_s,
        valence=smooth(valence.astype(np.float32), SMOOTHING_S, curves.step_s),
        arousal=smooth(arousal.astype(np.float32), SMOOTHING_S, curves.step_s),
        basis=tuple(basis),
    )


def feature(affect: Affect) -> Feature:
    """Return ``affect`` as a feature (m, 2), valence and arousal, for the emotion engine."""
    values = np.stack([affect.valence, affect.arousal], axis=1).astype(np.float32)  # (m, 2)
    if not np.isfinite(values).any():
        nothing = absent("Neither motion, cuts, sound, colour nor words could be had.")
        return Feature(FEATURE, SPACE, None, nothing)
    return Feature(FEATURE, SPACE, values, OK)


def load(device: str) -> Callable[[Features], Scores]:
    """Return the emotion engine: features -> six probabilities, from the affect feature alone.

    It is a formula, so ``device`` does not matter.
    """
    return score


def score(features: Features) -> Scores:
    """Return how probable each emotion is, averaged over the time steps that are known.

    Raises:
        EngineError: there is no affect feature, it is of another space, or all of it is unknown.
    """
    affect = features.by_name.get(FEATURE)
    if affect is None:
        raise EngineError("The valence-arousal estimate has nothing to go by: no affect feature.")
    if affect.space != SPACE:
        raise EngineError(
            f"The valence-arousal estimate reads {SPACE!r}, not {affect.space!r}; "
            "use the engines of one version of vemoclap."
        )
    known = None if affect.values is None else affect.values[np.isfinite(affect.values).any(axis=1)]
    if known is None or not len(known):
        reason = affect.status.reason or "All of its values are unknown."
        raise EngineError(f"The valence-arousal estimate has nothing to go by. {reason}")
    over_time = probabilities(known[:, 0], known[:, 1])  # (m, 6)
    mean = over_time.mean(axis=0)
    return Scores(
        probabilities=tuple(float(p) for p in mean / mean.sum()),
        method=METHOD,
        trained=False,
        note=NOTE,
    )


def probabilities(valence: Floats, arousal: Floats, spread: float = SPREAD) -> NDArray[np.float64]:
    """Return the probability of each emotion at each point, (m, 6), rows sum to 1.

    Each emotion is a Gaussian about its published mean; all are as likely beforehand. An axis
    that is NaN says nothing; a point that is NaN on both gets six equal probabilities.

    Args:
        valence: (m,), -1..1.
        arousal: (m,), -1..1.
        spread: standard deviation of the point's own uncertainty, on each axis.
    """
    places = np.array([PLACES[emotion] for emotion in EMOTIONS])  # (6, 4)
    logs = np.zeros((len(valence), len(EMOTIONS)))  # (m, 6)
    for axis, values in enumerate((valence, arousal)):
        mean, deviation = places[:, 2 * axis], places[:, 2 * axis + 1]
        variance = deviation**2 + spread**2  # (6,)
        distance = np.asarray(values, np.float64)[:, None] - mean  # (m, 6)
        logs += np.nan_to_num(-(distance**2 / variance + np.log(variance)) / 2, nan=0.0)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return result


def _octaves(values: Floats, least: float) -> NDArray[np.float64]:
    return np.log2(np.maximum(values.astype(np.float64), least))


def _deviations(values: NDArray[np.floating], usual: _Usual) -> NDArray[np.float64]:
    """Return how many standard deviations each value lies from what is usual, up to a limit."""
    far = (np.asarray(values, np.float64) - usual.mean) / usual.deviation
    return np.clip(far, -FURTHEST, FURTHEST)


def _mean(*parts: tuple[NDArray[np.float64], float]) -> NDArray[np.float64]:
    """Return the weighted mean of curves, at each point of those that are known there."""
    curves = np.stack([curve for curve, _ in parts])  # (k, m)
    weights = np.array([weight for _, weight in parts])[:, None] * np.isfinite(curves)
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, (np.nan_to_num(curves) * weights).sum(axis=0) / total, np.nan)
