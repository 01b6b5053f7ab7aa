"""How a video is cut into spans, and how closely each is looked at."""

from dataclasses import dataclass

from vemoclap.errors import UsageError

UTTERANCE, WINDOW = "utterance", "window"
LENGTH_S, STEP_S = 10.0, 5.0  # of a window, and from one to the next
FRAMES = 8  # of a span: of a window of ten seconds, one of nearly every second
MOST_FRAMES = 64
LENGTHS_S = (1.0, 600.0)  # of a window: a longer one would keep too many frames at once
LEAST_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """How a video is cut and looked at."""

    by: str = UTTERANCE
    length_s: float = LENGTH_S  # of a window
    step_s: float = STEP_S  # from the start of a window to that of the next
    frame_count: int = FRAMES  # of a span


def check(options: Options) -> None:
    """Raise unless spans can be cut so.

    Raises:
        UsageError: an option is out of range.
    """
    if options.by not in (UTTERANCE, WINDOW):
        raise UsageError(f"Spans are cut by {UTTERANCE} or by {WINDOW}, not by {options.by!r}.")
    low, high = LENGTHS_S
    if not low <= options.length_s <= high:
        raise UsageError(
            f"A window lasts {options.length_s:g} s; choose {low:g} to {high:g} seconds."
        )
    if not LEAST_STEP_S <= options.step_s <= options.length_s:
        raise UsageError(
            f"The step is {options.step_s:g} s; choose {LEAST_STEP_S:g} s to the length of a "
            f"window, {options.length_s:g} s, as time would be lost between windows."
        )
    if not 1 <= options.frame_count <= MOST_FRAMES:
        raise UsageError(
            f"The number of frames of a span is {options.frame_count}; choose 1 to {MOST_FRAMES}."
        )
