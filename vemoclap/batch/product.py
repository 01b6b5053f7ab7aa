"""What was made of one video, before it is written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from vemoclap.batch.records import Ending, Entry
from vemoclap.records import Scores, StageTime, State, Status


@dataclass(frozen=True, slots=True)
class Product:
    """What was made of one video."""

    ending: Ending
    cause: str  # why it is not better, "" when all is well
    fill: Callable[[Path], None]  # writes it into an empty folder
    duration_s: float
    scores: Scores | None
    stages: tuple[StageTime, ...]

    def described(self, plain: Entry) -> Entry:
        """Return an entry with what an index of the batch shows."""
        shares = None if self.scores is None else self.scores.probabilities
        return replace(
            plain,
            duration_s=round(self.duration_s, 3),
            emotions=None if shares is None else tuple(round(share, 6) for share in shares),
            stages=tuple((stage.stage, round(stage.seconds, 4)) for stage in self.stages),
        )


def broken(statuses: Iterable[Status]) -> str:
    """Return why an engine gave nothing, "" if none broke."""
    return next((one.reason for one in statuses if one.state is State.FAILED), "")
