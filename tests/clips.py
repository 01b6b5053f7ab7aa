"""Clips built by hand, for tests that need no file and no decoder."""

from pathlib import Path

import numpy as np

from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Clip,
    Coverage,
    Cue,
    MediaInfo,
    Outcome,
    Overview,
    absent,
)

STEP_S = 0.2  # of the thumbnails


class Roles(dict):
    """Plain functions by role, in place of loaded engines."""

    on_gpu = False

    def role(self, role):
        """Return the function of a role, None where it stays empty."""
        return self.get(role)


def overview_of(thumbnails, *, step_s=STEP_S, times_s=None, run=None):
    """Return an overview of (m, 36, 64, 3) pictures, one run unless told otherwise."""
    count = len(thumbnails)
    return Overview(
        thumbnails=np.asarray(thumbnails, np.uint8),
        times_s=np.arange(count) * step_s if times_s is None else np.asarray(times_s, float),
        run=np.zeros(count, np.int32) if run is None else np.asarray(run, np.int32),
        step_s=step_s,
    )


def plain(level, count=1, size=(36, 64)):
    """Return ``count`` grey pictures, all of one level (0..255)."""
    return np.full((count, *size, 3), level, np.uint8)


def clip_of(
    frames=None,
    *,
    overview=None,
    duration_s=None,
    audio=None,
    subtitles=None,
    subtitle_language=None,
    no_audio="the file has no sound track",
):
    """Return a clip; whatever is not given is black, silent or not there."""
    frames = plain(0, 2, (90, 160)) if frames is None else np.asarray(frames, np.uint8)
    overview = overview or overview_of(plain(0, 20))
    duration_s = duration_s or len(overview.times_s) * overview.step_s
    info = MediaInfo(
        path=Path("made-by-hand.mp4"),
        size_bytes=1,
        container="mov",
        duration_s=duration_s,
        start_s=0.0,
        width=frames.shape[2],
        height=frames.shape[1],
        rotation_deg=0,
        rate_fps=25.0,
        video_codec="h264",
        pixel_format="yuv420p",
        hdr=False,
        interlaced=False,
        still=False,
        audio_codec=None if audio is None else "aac",
        audio_rate_hz=None if audio is None else SAMPLE_RATE,
        audio_channels=None if audio is None else 1,
        subtitle_codec="mov_text" if subtitles else None,
    )
    cues = tuple(Cue(*cue) for cue in subtitles) if subtitles else None
    return Clip(
        info=info,
        outcome=Outcome.OK,
        coverage=Coverage(len(frames), len(frames), duration_s, 0),
        warnings=(),
        frames=frames,
        times_s=np.linspace(0, duration_s, len(frames), endpoint=False),
        overview=overview,
        audio=None if audio is None else np.asarray(audio, np.float32),
        audio_status=absent(no_audio) if audio is None else OK,
        subtitles=cues,
        subtitle_language=subtitle_language,
    )


def voice(seconds):
    """Return the sound of a made-up voice that says vowels, four syllables a second.

    Harmonics of a gliding pitch under three formants: voice enough for a detector of voices.
    """
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch_hz = 120 + 15 * np.sin(2 * np.pi * 0.7 * time_s) + 8 * np.sin(2 * np.pi * 2.3 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    vowels_hz = np.array([(730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240)])
    spoken = vowels_hz[(time_s * 4).astype(int) % len(vowels_hz)].T.astype(float)
    glide = np.ones(1200) / 1200
    formants_hz = [np.convolve(formant, glide, "same") for formant in spoken]
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 40):
        loudness = sum(
            gain / (1 + ((harmonic * pitch_hz - formant) / width) ** 2)
            for formant, gain, width in zip(formants_hz, (1, 0.6, 0.3), (80, 100, 140), strict=True)
        )
        sound += loudness * np.sin(harmonic * phase) / harmonic**0.3
    sound *= np.clip(np.sin(2 * np.pi * 4 * time_s - 1) + 0.6, 0, 1)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def portrait():
    """Return a frame 640 x 360 with the astronaut's face at about (262, 69), 54 pixels wide."""
    from PIL import Image
    from skimage.data import astronaut

    frame = np.full((360, 640, 3), 90, np.uint8)
    frame[:, 140:500] = np.asarray(Image.fromarray(astronaut()).resize((360, 360)))
    return frame
