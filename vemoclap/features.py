"""Readings -> features: what the emotion engine is fed, and nothing else.

This is the one place where a reading becomes numbers for an emotion engine. Absent evidence
stays ``None`` here; see ``Feature``.
"""

from collections.abc import Mapping

from vemoclap import baseline
from vemoclap.records import Features, Readings


def extract(readings: Readings, engines: Mapping[str, str]) -> Features:
    """Return the features of a video.

    Args:
        readings: what was read from it.
        engines: the engine that filled each role, kept so that a classifier can compare them
            with those it was trained with.
    """
    found = (baseline.feature(readings.affect),)
    return Features(by_name={feature.name: feature for feature in found}, engines=dict(engines))
