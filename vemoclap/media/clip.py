"""The only opener of user files: path -> Clip.

A file is probed once for its streams and once for its packets, whose timestamps (not the header)
say how long it is and which frames it has. Wanted frames are then picked by their timestamps, in
one pass over a short video and by seeks in a long one, with the same result. See
``vemoclap.media.ffmpeg`` for the limits under which every command runs.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from vemoclap.errors import MediaError
from vemoclap.media import audio as media_audio
from vemoclap.media import frames, probe
from vemoclap.media import subtitles as media_subtitles
from vemoclap.records import Clip, Coverage, Outcome, Progress

COMPLAINTS_SHOWN = 1  # of the decoder's, in a warning
ENOUGH = 0.25  # less than a quarter of a video is no basis for an answer
MISSING = 0.05  # of the frames may be lost by honest files (edit lists, open GOPs)
MISSING_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused; raise it at will."""

    max_duration_s: float = 4 * 3600.0
    max_bytes: int = 2 * 2**30


def open_clip(
    path: Path,
    *,
    frame_count: int = 16,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Clip:
    """Return the decoded video at ``path``.

    Args:
        path: a video file.
        frame_count: how many frames to take, equidistant in time; fewer if there are fewer.
        limits: the longest and largest file to accept.
        progress: called with ("video", done, total).

    Raises:
        MediaError: the file is refused; the message names it, what is wrong and what to do.
    """
    limits = limits or Limits()
    name = printable(path)
    size = check_file(path, name, limits)

    def step(done: int) -> None:
        if progress:
            progress("video", done, 4)

    step(0)
    video = probe.inspect(path, name, size, max_duration_s=limits.max_duration_s)
    step(1)
    seen = frames.read(video, frame_count)
    step(2)
    audio, audio_status, audio_complaints = media_audio.read(video)
    step(3)
    subtitles, language = media_subtitles.read(video)
    step(4)
    coverage = _coverage(video, seen, len(audio_complaints))
    said = video.complaints + seen.complaints
    outcome, losses = judge(video, said, coverage, audio_complaints)
    return Clip(
        info=video.info,
        outcome=outcome,
        coverage=coverage,
        warnings=(*losses, *_remarks(video, seen, frame_count)),
        frames=seen.frames,
        times_s=seen.times_s,
        overview=seen.overview,
        audio=audio,
        audio_status=audio_status,
        subtitles=subtitles,
        subtitle_language=language,
    )


def printable(found: Path | str) -> str:
    """Return a file's name, or what a user typed, for messages: controls escaped, cut at 80."""
    text = found if isinstance(found, str) else found.name or str(found)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= 80 else f"{shown[:40]}…{shown[-39:]}"


def check_file(path: Path, name: str, limits: Limits) -> int:
    """Return the size of a file that may be opened, without opening what is not a file.

    Raises:
        MediaError: it may not be opened; the message says why.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        what = "is a link to a file that is gone" if path.is_symlink() else "does not exist"
        raise MediaError(f"{name} {what}; check the path.") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{name} cannot be reached ({error}); check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise MediaError(f"{name} is a folder; name the videos in it.")
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{name} is not a regular file; copy the video into one.")
    if not os.access(path, os.R_OK):
        raise MediaError(f"{name} may not be read by this user; change its permissions.")
    if found.st_size == 0:
        raise MediaError(f"{name} is empty; copy or download it again.")
    if found.st_size > limits.max_bytes:
        raise MediaError(
            f"{name} has {found.st_size / 2**30:.1f} GiB and the limit is "
            f"{limits.max_bytes / 2**30:g} GiB; raise the limit or re-encode the video."
        )
    return found.st_size


def _coverage(video: probe.Video, seen: frames.Seen, audio_complaints: int) -> Coverage:
    return Coverage(
        decoded_frames=seen.decoded,
        expected_frames=seen.expected,
        covered_s=seen.covered_s,
        error_count=len(video.complaints) + len(seen.complaints) + audio_complaints,
    )


def judge(
    video: probe.Video,
    said: tuple[str, ...],
    coverage: Coverage,
    audio_complaints: tuple[str, ...],
) -> tuple[Outcome, tuple[str, ...]]:
    """Return whether all could be used and what was lost, in plain sentences.

    Raises:
        MediaError: too little could be decoded for any answer.
    """
    decoded, expected = coverage.decoded_frames, coverage.expected_frames
    if decoded < ENOUGH * expected:
        raise MediaError(
            f"{video.name} is damaged: only {decoded} of {expected} frames could be decoded; "
            "copy or download it again."
        )
    losses = []
    complaints = tuple(c for c in said if not media_audio.about_sound(c, video))
    if complaints or decoded < (1 - MISSING) * expected - MISSING_FRAMES:
        losses.append(
            f"The picture is damaged or incomplete: {decoded} of {expected} frames were decoded, "
            f"over {coverage.covered_s:.1f} s"
            + (f" (the file claims {video.claimed_s:.1f} s)" if _cut_short(video) else "")
            + (f"; the decoder says: {complaints[0]}" if complaints else "")
            + "."
        )
    if audio_complaints:
        losses.append(f"The sound is damaged; the decoder says: {audio_complaints[0]}.")
    return (Outcome.PARTIAL if losses else Outcome.OK), tuple(losses)


def _cut_short(video: probe.Video) -> bool:
    return video.claimed_s is not None and video.claimed_s > 1.05 * video.info.duration_s + 0.5


def _remarks(video: probe.Video, seen: frames.Seen, asked: int) -> tuple[str, ...]:
    """Return what a reader should know of a sound file."""
    info = video.info
    remarks = []
    if info.still:
        remarks.append("The file is one still picture: there is no motion to read.")
    elif len(seen.frames) < asked and not seen.complaints:
        count = "one frame" if len(seen.frames) == 1 else f"{len(seen.frames)} different frames"
        remarks.append(f"The video has only {count} to look at.")
    if video.joined:
        remarks.append("The file's clock jumps, as in joined recordings; times count its frames.")
    if info.hdr:
        remarks.append("The video is HDR; it was read as standard range, so colours are dull.")
    if info.interlaced:
        remarks.append("The video is interlaced; moving edges may look combed.")
    if seen.sizes > 1:
        remarks.append("The picture changes its size within the video; all was scaled to one.")
    return tuple(remarks)
