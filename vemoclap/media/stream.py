"""path -> Reel: a video of any length, whose picture is decoded part by part.

``media`` opens a short video as one clip, and says what files are taken; here is the same for what
would not fit the memory.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemoclap.media import audio as media_audio
from vemoclap.media import clip, frames, probe, sampling
from vemoclap.media import subtitles as media_subtitles
from vemoclap.records import Coverage, Cue, Floats, MediaInfo, Span, Status, Times


@dataclass(frozen=True, slots=True)
class Reel:
    """A video of any length whose picture is decoded part by part, and all else at once."""

    video: probe.Video
    audio: Floats | None  # as in ``Clip``
    audio_status: Status
    subtitles: tuple[Cue, ...] | None
    subtitle_language: str | None
    runs_s: tuple[tuple[float, float], ...]  # where an overview has thumbnails, from frame 0
    allowed_s: float  # for decoding one part
    audio_complaints: tuple[str, ...]

    @property
    def info(self) -> MediaInfo:
        """What the file holds."""
        return self.video.info

    @property
    def seekable(self) -> bool:
        """Whether a part can be decoded without all that comes before it."""
        return frames.can_seek(self.video)

    def shown_at(self, times_s: Times) -> NDArray[np.int64]:
        """Return which frames a player shows at these times, each once, by place among all."""
        video = self.video
        times = sampling.shown_at(video.info.start_s + times_s, video.frame_times_s)
        return np.searchsorted(video.frame_times_s, times)

    def times_of(self, indices: NDArray[np.int64]) -> Times:
        """Return when the frames at these places are shown, in seconds from the first."""
        times: Times = self.video.frame_times_s[indices] - self.info.start_s
        return times

    def part(self, span: Span, wanted: NDArray[np.int64]) -> frames.Part:
        """Return some frames of a part of the video, and all of its thumbnails.

        Args:
            span: the part, in seconds from the first frame.
            wanted: which frames, by their place among all, rising.

        Raises:
            MediaError: decoding took too long.
        """
        # Models may work for hours between two parts, which is no fault of the decoder's.
        video = replace(self.video, deadline_s=time.monotonic() + self.allowed_s)
        return frames.part(video, span, wanted)

    def losses(self, decoded: int, complaints: tuple[str, ...]) -> tuple[str, ...]:
        """Return what was lost, in plain sentences, once all parts were decoded.

        Args:
            decoded: how many frames could be decoded.
            complaints: what the decoder said.

        Raises:
            MediaError: too little could be decoded for any answer.
        """
        video, expected = self.video, max(self.video.expected_frames, 1)
        covered_s = video.info.duration_s * min(1.0, decoded / expected)
        coverage = Coverage(decoded, expected, covered_s, len(complaints))
        all_said = (*video.complaints, *complaints)
        _, losses = clip.judge(video, all_said, coverage, self.audio_complaints)
        return losses


def open_reel(path: Path, *, limits: clip.Limits | None = None) -> Reel:
    """Return the video at ``path``, its sound and subtitles read and its picture to be decoded.

    Raises:
        MediaError: the file is refused; the message names it, what is wrong and what to do.
    """
    limits = limits or clip.Limits()
    name = clip.printable(path)
    size = clip.check_file(path, name, limits)
    video = probe.inspect(path, name, size, max_duration_s=limits.max_duration_s)
    allowed_s = video.left_s
    audio, audio_status, audio_complaints = media_audio.read(video)
    subtitles, language = media_subtitles.read(video)
    start = video.info.start_s
    runs, _ = frames.overview_runs(video)
    return Reel(
        video=video,
        audio=audio,
        audio_status=audio_status,
        subtitles=subtitles,
        subtitle_language=language,
        runs_s=tuple((a - start, b - start) for a, b in runs),
        allowed_s=allowed_s,
        audio_complaints=audio_complaints,
    )
