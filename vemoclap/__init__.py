"""vemoclap reads the emotion of a video and shows the evidence.

    import vemoclap
    analysis = vemoclap.analyze("video.mp4")
    print(analysis.scores.ranked)

Public names are imported when they are first used, so that ``import vemoclap`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vemoclap.version import __version__

if TYPE_CHECKING:
    from vemoclap.analyser import Analyser, analyze
    from vemoclap.engines.roles import Preset
    from vemoclap.errors import (
        EngineError,
        MediaError,
        SourceError,
        UsageError,
        VemoclapError,
        WeightsError,
    )
    from vemoclap.media.clip import Limits
    from vemoclap.records import EMOTIONS, Analysis
    from vemoclap.timeline.api import follow, timeline_of
    from vemoclap.timeline.records import Moment, Timeline

__all__ = [
    "EMOTIONS",
    "Analyser",
    "Analysis",
    "EngineError",
    "Limits",
    "MediaError",
    "Moment",
    "Preset",
    "SourceError",
    "Timeline",
    "UsageError",
    "VemoclapError",
    "WeightsError",
    "__version__",
    "analyze",
    "follow",
    "timeline_of",
]

_HOMES = {
    "analyser": ("Analyser", "analyze"),
    "errors": (
        "EngineError",
        "MediaError",
        "SourceError",
        "UsageError",
        "VemoclapError",
        "WeightsError",
    ),
    "media.clip": ("Limits",),
    "records": ("EMOTIONS", "Analysis"),
    "engines.roles": ("Preset",),
    "timeline.api": ("follow", "timeline_of"),
    "timeline.records": ("Moment", "Timeline"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vemoclap' has no attribute {name!r}")
    value = getattr(import_module(f"vemoclap.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
