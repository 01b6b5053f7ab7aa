"""What a timeline keeps in memory grows with the sound of a video, and with nothing else of it."""

import tracemalloc
from pathlib import Path

from tests import videos
from tests.test_analyser import ENGINES
from vemoclap import follow
from vemoclap.engines import roles
from vemoclap.engines.roles import EMBEDDED
from vemoclap.records import SAMPLE_RATE

SHORT_S, LONG_S = 120, 600
FRAME_BYTES = 640 * 360 * 3


def video(path: Path, seconds: float) -> Path:
    """Make a video of few bits, whose frames are as large as any once they are decoded."""
    source = videos.lavfi(f"testsrc2=s=32x18:r=2:d={seconds}")
    sound = videos.lavfi(f"sine=d={seconds}:r=16000")
    return videos.make(path, *source, *sound, *videos.X264, "-g", "20", "-c:a", "aac")


def peak_bytes(path: Path) -> int:
    """Return how much memory a run takes at most, with engines that take none."""
    tracemalloc.start()
    try:
        run = follow(path, preset=EMBEDDED, device="cpu", by="window")
        for _ in run:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(roles, "load", lambda role, engine, device: ENGINES[role])
    short, long = (video(tmp_path / f"{s}.mp4", s) for s in (SHORT_S, LONG_S))
    follow(short, preset=EMBEDDED, device="cpu", by="window").result()  # imports, once
    less, more = peak_bytes(short), peak_bytes(long)
    sound = (LONG_S - SHORT_S) * SAMPLE_RATE * 4
    overview = (LONG_S - SHORT_S) * 5 * 36 * 64 * 3  # whole up to ten minutes, and no further
    frames = (LONG_S - SHORT_S) * FRAME_BYTES  # what is not kept
    assert more - less < 1.3 * sound + 2.5 * overview + 0.1 * frames
    assert more < 0.6 * frames
    assert less > 20 * FRAME_BYTES  # a section's frames were there, so the measure sees them
