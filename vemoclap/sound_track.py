"""The sound of a probed video, over the span of its picture."""

import numpy as np

from vemoclap import ffmpeg
from vemoclap.probe import Video
from vemoclap.records import OK, SAMPLE_RATE, Floats, Status, absent

BASE_TIMEOUT_S = 60.0
SLOWEST = 5.0  # times real time; slower decoding than this is taken for a hang
BYTES = 4  # of a float32 sample


def read(video: Video) -> tuple[Floats | None, Status, tuple[str, ...]]:
    """Return the sound, how the search for it ended, and the decoder's complaints.

    The sound is the mean of all channels, which cannot clip, at 16 kHz. Its first sample belongs
    to the first frame: what comes earlier is cut, and a later start is filled with silence. It
    ends with the picture, or before it where the track is shorter.
    """
    if video.audio_index is None:
        return None, absent("The file has no sound track."), ()
    start, duration = video.info.start_s, video.info.duration_s
    channels = video.info.audio_channels or 1
    mean = "+".join(f"{1 / channels:.9f}*c{index}" for index in range(channels))
    node = (
        ffmpeg.source(video.path)[str(video.audio_index)]
        .filter("aformat", sample_fmts="fltp")
        .filter("pan", args=f"mono|c0={mean}")
        .filter("atrim", start=start, end=start + duration)
        .filter("asetpts", f"PTS-({start!r})/TB")
        # async fills gaps in the timestamps; first_pts fills a late start
        .filter("aresample", SAMPLE_RATE, **{"async": 1}, first_pts=0)
    )
    data = bytearray()
    longest = int((duration + 1.0) * SAMPLE_RATE) * BYTES
    done = ffmpeg.run(
        ffmpeg.command(node.output("pipe:1", format="f32le", acodec="pcm_f32le")),
        video.name,
        timeout_s=BASE_TIMEOUT_S + duration / SLOWEST,
        sinks={1: ffmpeg.bytes_sink(data, longest, f"{video.name} has more sound than picture.")},
    )
    samples = np.frombuffer(data, np.float32, len(data) // BYTES)
    samples = samples[: round(duration * SAMPLE_RATE)]
    complaints = _about_sound(done.complaints, video)
    if len(samples) == 0:
        return None, absent("No sound could be decoded from the sound track."), complaints
    # A damaged track can decode to anything; in place, as hours of sound are large.
    np.nan_to_num(samples, copy=False, nan=0.0)
    np.clip(samples, -1.0, 1.0, out=samples)
    return samples, OK, complaints


def _about_sound(complaints: tuple[str, ...], video: Video) -> tuple[str, ...]:
    """Return the complaints about the sound; opening the file repeats those about the picture."""
    signs = (f"{video.info.audio_codec}", f"stream {video.audio_index},")
    return tuple(c for c in complaints if c.startswith(signs[0]) or signs[1] in c)
