"""The sound of a probed video, over the span of its picture."""

import re
from collections.abc import Sequence

import numpy as np

from vemoclap.media import ffmpeg
from vemoclap.media.probe import Video
from vemoclap.records import OK, SAMPLE_RATE, Floats, Status, absent

BLOCK = SAMPLE_RATE  # samples between which the time is checked: one second
BYTES = 4  # of a float32 sample


def read(video: Video) -> tuple[Floats | None, Status, tuple[str, ...]]:
    """Return the sound, how the search for it ended, and the decoder's complaints.

    The sound is the mean of all channels, which cannot clip, at 16 kHz. Its first sample belongs
    to the first frame: what comes earlier is cut, and a later start is filled with silence. It
    ends with the picture, or before it where the track is shorter.
    """
    if video.audio_index is None:
        return None, absent("The file has no sound track."), ()
    start, duration = video.sound_start_s, video.info.duration_s
    channels = video.info.audio_channels or 1
    mean = "+".join(f"{1 / channels:.9f}*c{index}" for index in range(channels))
    node = (
        ffmpeg.source(video.path, own_clock=video.timed)[str(video.audio_index)]
        .filter("aformat", sample_fmts="fltp")
        .filter("pan", args=f"mono|c0={mean}")
        .filter("atrim", start=start, end=start + duration)
        .filter("asetpts", f"PTS-({start!r})/TB")
        .filter("aresample", SAMPLE_RATE, **{"async": 1})  # fills gaps in the timestamps
        .filter("asetnsamples", BLOCK, pad=0)
        .filter("ashowinfo")
    )
    data = bytearray()
    longest = int((duration + 1.0) * SAMPLE_RATE) * BYTES
    done = ffmpeg.run(
        ffmpeg.command(node.output("pipe:1", format="f32le", acodec="pcm_f32le")),
        video.name,
        timeout_s=video.left_s,
        sinks={1: ffmpeg.bytes_sink(data, longest)},  # a damaged track can be longer
    )
    samples = _placed(np.frombuffer(data, np.float32, len(data) // BYTES), done.blocks)
    samples = samples[: round(duration * SAMPLE_RATE)]
    complaints = tuple(c for c in done.complaints if about_sound(c, video))
    if len(samples) == 0:
        return None, absent("No sound could be decoded from the sound track."), complaints
    # A damaged track can decode to anything; in place, as hours of sound are large.
    np.nan_to_num(samples, copy=False, nan=0.0)
    np.clip(samples, -1.0, 1.0, out=samples)
    return samples, OK, complaints


def _placed(samples: Floats, blocks: Sequence[ffmpeg.Block]) -> Floats:
    """Return the samples with each block at its time, and silence where there is none.

    Blocks follow one another without a gap, unless the sound begins late, or changes its rate or
    its channels, at which ffmpeg starts afresh.
    """
    at = 0
    gaps = []
    for block in blocks:
        gaps.append(max(0, block.start - at))  # what overlaps is moved on
        at += gaps[-1] + block.length
    if not any(gaps):
        return samples
    placed = np.zeros(min(at, len(samples) + sum(gaps)), np.float32)
    source = target = 0
    for gap, block in zip(gaps, blocks, strict=True):
        target += gap
        part = samples[source : source + block.length]
        placed[target : target + len(part)] = part
        source += len(part)
        target += len(part)
    return placed


def about_sound(complaint: str, video: Video) -> bool:
    """Tell a complaint about the sound from others, as opening a file makes all of them."""
    if video.audio_index is None:
        return False
    codec = str(video.info.audio_codec)
    decoder = {"dts": "dca"}.get(codec, codec)  # the one whose decoder has another name
    stream = rf"(?:stream |#0:){video.audio_index}\b"
    return complaint.startswith(decoder) or re.search(stream, complaint) is not None
