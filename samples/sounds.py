"""Sound for the sample clips: speech by espeak-ng, music and weather by arithmetic.

Every sound is a float64 array at ``RATE``; loudness is settled when a film mixes it.
"""

import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 44_100  # Hz; twice what espeak-ng gives, so speech is doubled without a filter to design
ESPEAK_RATE = 22_050  # Hz
QUIET_DB = -38.0  # below the sentence's loudest 10 ms, espeak-ng is only rustling
PEAK = 0.7  # -3 dB: AAC may overshoot what it is given


# -- speech -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A sentence and the moment at which its first sound is heard."""

    start_s: float
    text: str


@dataclass(frozen=True)
class Spoken:
    """A sentence as it came out: when it is heard, and its sound."""

    start_s: float
    end_s: float
    text: str
    sound: Sound


def speak(lines: Sequence[Line], voice: str, words_per_minute: int, pitch: int) -> list[Spoken]:
    """Return the sentences as espeak-ng says them, cut to what is heard of each.

    Raises:
        ValueError: a sentence runs into the next one.
    """
    spoken: list[Spoken] = []
    for line in lines:
        if spoken and spoken[-1].end_s > line.start_s:
            raise ValueError(f"{spoken[-1].text!r} is still being said when {line.text!r} starts.")
        sound = _trimmed(_espeak(line.text, voice, words_per_minute, pitch))
        spoken.append(Spoken(line.start_s, line.start_s + len(sound) / RATE, line.text, sound))
    return spoken


def _espeak(text: str, voice: str, words_per_minute: int, pitch: int) -> Sound:
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-p", str(pitch)]
    done = subprocess.run([*command, "--stdout", text], capture_output=True, check=True, timeout=60)
    with wave.open(BytesIO(done.stdout)) as reader:
        if reader.getframerate() != ESPEAK_RATE:
            raise ValueError(f"espeak-ng spoke at {reader.getframerate()} Hz, not {ESPEAK_RATE}.")
        # The header of a piped WAV claims more frames than follow.
        samples = np.frombuffer(reader.readframes(10 * 60 * ESPEAK_RATE), dtype="<i2")
    spectrum = np.fft.rfft(samples / 32768.0)
    return np.asarray(np.fft.irfft(spectrum, 2 * len(samples)) * 2.0)


def _trimmed(sound: Sound) -> Sound:
    step = RATE // 100
    blocks = sound[: len(sound) // step * step].reshape(-1, step)
    level = np.sqrt(np.mean(blocks**2, axis=1))
    heard = np.flatnonzero(level > level.max() * 10 ** (QUIET_DB / 20))
    return sound[heard[0] * step : (heard[-1] + 1) * step]


# -- mixing -----------------------------------------------------------------------------------


def silence(seconds: float) -> Sound:
    """Return an empty track."""
    return np.zeros(round(seconds * RATE))


def add(track: Sound, sound: Sound, at_s: float, gain: float = 1.0) -> None:
    """Add a sound to a track in place; what runs past the end is lost."""
    start = round(at_s * RATE)
    part = sound[: max(0, len(track) - start)]
    track[start : start + len(part)] += gain * part


def ducked(music: Sound, spoken: Sequence[Spoken], under: float) -> Sound:
    """Return the music, quieter by the factor ``under`` while somebody speaks."""
    level = np.ones(len(music))
    for line in spoken:
        start, end = ((s * RATE) for s in (line.start_s - 0.2, line.end_s + 0.35))
        level[max(0, round(start)) : round(end)] = under
    width = RATE // 5
    ramp = np.convolve(np.pad(level, width, mode="edge"), np.ones(width) / width, mode="same")
    return music * ramp[width:-width]


def finished(track: Sound, fade_s: float = 0.5) -> Sound:
    """Return the track at its final loudness, faded in and out at its ends."""
    fade = round(fade_s * RATE)
    track = track * PEAK / np.abs(track).max()
    track[:400] *= np.linspace(0, 1, 400)
    track[-fade:] *= np.linspace(1, 0, fade) ** 1.5
    return track


# -- instruments ------------------------------------------------------------------------------


def hertz(note: int) -> float:
    """Return the frequency of a MIDI note number (69 is A at 440 Hz)."""
    return 440.0 * 2.0 ** ((note - 69) / 12)


def _seconds(length: float) -> Sound:
    return np.arange(round(length * RATE)) / RATE


def string(note: int, length: float, brightness: float, decay: float) -> Sound:
    """Return a struck or plucked string: partials that fade faster the higher they are."""
    time, base = _seconds(length), hertz(note)
    sound = np.zeros(len(time))
    for partial in range(1, 12):
        stretched = base * partial * np.sqrt(1 + 0.0004 * partial**2)  # a stiff string runs sharp
        if stretched < RATE / 2:
            fading = np.exp(-time * decay * (1 + 0.55 * (partial - 1)))
            sound += brightness ** (partial - 1) * np.sin(2 * np.pi * stretched * time) * fading
    attack = np.minimum(1.0, time / 0.006)
    release = np.minimum(1.0, (length - time) / 0.05)
    return sound * attack * release


def kick() -> Sound:
    """Return a soft bass drum: a sine that drops from 120 to 45 Hz."""
    time = _seconds(0.28)
    frequency = 45 + 75 * np.exp(-time * 30)
    return np.sin(2 * np.pi * np.cumsum(frequency) / RATE) * np.exp(-time * 14)


def shaker(seed: int) -> Sound:
    """Return a short hiss above 5 kHz."""
    time = _seconds(0.09)
    return noise(0.09, seed, 5000, 14000) * np.exp(-time * 55)


def noise(length: float, seed: int, low_hz: float, high_hz: float, slope: float = 0.0) -> Sound:
    """Return noise between two frequencies, of unit power; ``slope`` 1 halves it per octave."""
    count = round(length * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 1.0)
    # Second-order slopes at both ends: brick walls would ring.
    shape = 1 / (1 + (low_hz / frequency) ** 4) / (1 + (frequency / high_hz) ** 4)
    sound = np.fft.irfft(spectrum * shape * frequency**-slope, count)
    return np.asarray(sound / sound.std())


def gusts(length: float, seed: int) -> Sound:
    """Return wind: low noise whose strength wanders over seconds."""
    wander = np.abs(noise(length, seed + 1, 0.05, 0.5))
    return noise(length, seed, 90, 420, 0.5) * (0.3 + wander / wander.max())


def surf(length: float, seed: int, period_s: float) -> Sound:
    """Return waves that roll in every ``period_s`` seconds."""
    time = _seconds(length)
    swell = (0.5 - 0.5 * np.cos(2 * np.pi * time / period_s)) ** 2
    return noise(length, seed, 150, 2500, 0.8) * (0.15 + swell)


def thunder(length: float, seed: int) -> Sound:
    """Return a crack and the rumble that rolls after it."""
    time = _seconds(length)
    crack = noise(length, seed, 200, 3000, 0.7) * np.exp(-time * 9)
    roll = np.abs(noise(length, seed + 2, 0.5, 5))
    rumble = noise(length, seed + 1, 25, 130, 0.5) * np.exp(-time * 1.1) * (0.4 + roll / roll.max())
    return (0.8 * crack + rumble) * np.minimum(1.0, time / 0.01)


def heartbeat() -> Sound:
    """Return one beat of a heart: two thuds, the second one softer."""
    time = _seconds(0.16)
    thud = np.sin(2 * np.pi * (52 * time - 40 * time**2)) * np.exp(-time * 22)
    beat = silence(0.5)
    add(beat, thud, 0.0)
    add(beat, thud, 0.22, 0.65)
    return beat


def drone(notes: Sequence[float], length: float, seed: int) -> Sound:
    """Return a dark hum: each frequency twice, a little apart, so that they beat."""
    time = _seconds(length)
    sound = np.zeros(len(time))
    for number, base in enumerate(notes):
        for frequency in (base, base * 1.011):
            for partial in (1, 2, 3):
                phase = 0.7 * number + partial
                sound += np.sin(2 * np.pi * frequency * partial * time + phase) / partial**2
    swell = np.abs(noise(length, seed, 0.1, 0.6))
    return sound / len(notes) * (0.6 + 0.4 * swell / swell.max())


def riser(low_hz: float, high_hz: float, length: float) -> Sound:
    """Return a cluster of trembling strings that slides upwards and grows."""
    time = _seconds(length)
    part = time / length
    sound = np.zeros(len(time))
    for detune in (1.0, 1.06, 1.12, 1.19):  # a semitone apart: as dissonant as notes can be
        phase = np.cumsum(detune * low_hz * (high_hz / low_hz) ** part) / RATE
        sound += sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 8))
    return sound * part**2 * (0.7 + 0.3 * np.sin(2 * np.pi * 13 * time)) / 4
