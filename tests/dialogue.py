"""A dialogue made on the spot: two voices of espeak-ng, two faces, pauses of known length."""

import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from tests.clips import portrait
from vemoclap.records import Cue, Span

RATE_HZ = 22_050  # of espeak-ng
RATE_FPS = 10
QUIET_DB = -38.0  # below the sentence's loudest 10 ms, espeak-ng is only rustling
HUM = 0.002  # of full scale: no room is silent
VOICES = ("en-us", "en-gb+f2")

LINES = (
    "I did not expect to see you here today",
    "The train was late and I missed the other one",
    "That is wonderful news and you know it",
    "Nobody told me anything about the letter",
)
PAUSES_S = (0.8, 1.0, 1.7, 0.9, 1.2)  # before, between and after the lines


@dataclass(frozen=True)
class Dialogue:
    """The file and what is in it."""

    path: Path
    duration_s: float
    said: tuple[Cue, ...]  # when each line is heard
    speakers: tuple[int, ...]  # whose face is there meanwhile, and until the next line


def dialogue(
    path: Path,
    lines: Sequence[str] = LINES,
    pauses_s: Sequence[float] = PAUSES_S,
    *,
    subtitles: bool = True,
) -> Dialogue:
    """Write a video in which two people speak in turn, and return what it holds.

    Whoever speaks is on the screen from half a second before to the next one's turn.
    """
    sounds = [_spoken(text, VOICES[index % 2]) for index, text in enumerate(lines)]
    track: list[np.ndarray] = []
    said: list[Cue] = []
    at = 0.0
    for text, sound, pause_s in zip(lines, sounds, pauses_s, strict=False):
        track += [np.zeros(round(pause_s * RATE_HZ)), sound]
        start = at + pause_s
        at = start + len(sound) / RATE_HZ
        said.append(Cue(start, at, text))
    track.append(np.zeros(round(pauses_s[len(lines)] * RATE_HZ)))
    whole = np.concatenate(track)
    noise = np.random.default_rng(1).normal(0, HUM, len(whole))
    duration_s = len(whole) / RATE_HZ
    speakers = tuple(index % 2 for index in range(len(lines)))
    turns_s = [0.0, *(cue.start_s - 0.5 for cue in said[1:])]
    faces = people()
    frames = [
        faces[speakers[int(np.searchsorted(turns_s, k / RATE_FPS, side="right")) - 1]]
        for k in range(round(duration_s * RATE_FPS))
    ]
    _write(path, frames, whole + noise, said if subtitles else ())
    return Dialogue(path, duration_s, tuple(said), speakers)


def people() -> tuple[np.ndarray, np.ndarray]:
    """Return two frames 640 x 360: a person on the left, and another on the right."""
    first = portrait()
    second = first[:, ::-1, ::-1].copy()  # mirrored, red and blue exchanged: other skin and suit
    return first, second


def spans_of(said: Sequence[Cue]) -> list[Span]:
    """Return when each line is heard."""
    return [Span(cue.start_s, cue.end_s) for cue in said]


def _spoken(text: str, voice: str) -> np.ndarray:
    """Return a line as espeak-ng says it, cut to what is heard of it."""
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    with wave.open(BytesIO(done.stdout)) as reader:
        assert reader.getframerate() == RATE_HZ
        # The header of a piped WAV claims more frames than follow.
        samples = np.frombuffer(reader.readframes(60 * RATE_HZ), dtype="<i2") / 32768.0
    step = RATE_HZ // 100
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    level = np.sqrt(np.mean(blocks**2, axis=1))
    heard = np.flatnonzero(level > level.max() * 10 ** (QUIET_DB / 20))
    sound: np.ndarray = samples[heard[0] * step : (heard[-1] + 1) * step]
    return sound


def _write(
    path: Path, frames: Sequence[np.ndarray], sound: np.ndarray, cues: Sequence[Cue]
) -> None:
    wav = path.with_suffix(".wav")
    with wave.open(str(wav), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    height, width = frames[0].shape[:2]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(RATE_FPS), "-i", "pipe:0", "-i", str(wav)]
    kept = [wav]
    if cues:
        srt = path.with_suffix(".srt")
        srt.write_text("\n".join(map(_cue, range(1, len(cues) + 1), cues)), "utf-8")
        kept.append(srt)
        command += ["-i", str(srt), "-map", "2", "-c:s", "mov_text", "-metadata:s:s:0"]
        command += ["language=eng"]
    command += ["-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-pix_fmt", "yuv420p", "-g", "20", "-c:a", "aac", str(path)]
    raw = b"".join(frame.tobytes() for frame in frames)
    subprocess.run(command, input=raw, check=True, timeout=120)
    for file in kept:
        file.unlink()


def _cue(number: int, cue: Cue) -> str:
    return f"{number}\n{_stamp(cue.start_s)} --> {_stamp(cue.end_s)}\n{cue.text}\n"


def _stamp(time_s: float) -> str:
    hours, rest = divmod(round(time_s * 1000), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, milliseconds = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02},{milliseconds:03}"
