"""The analysis as one HTML page that needs nothing else."""

import base64
import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from vemoclap import __version__, draw
from vemoclap.draw import Line, chart
from vemoclap.records import Analysis, Floats
from vemoclap.report import wording

if TYPE_CHECKING:
    from jinja2 import Template

PICTURE_HEIGHT = 720  # pixels; a JPEG of it takes 100 kB or so


def to_html(analysis: Analysis) -> str:
    """Return a page with everything a reader may want: pictures inside, no script, no links out.

    Every text from the file or a model passes through one finalizer, which removes control
    characters and escapes the rest.
    """
    style = resources.files("vemoclap.report").joinpath("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    from markupsafe import Markup

    return _template().render(
        analysis=analysis,
        clip=analysis.clip,
        readings=analysis.readings,
        scores=analysis.scores,
        style=Markup(style),  # noqa: S704  our own file
        style_digest=digest,
        picture=_picture(analysis),
        charts=[Markup(svg) for svg in _charts(analysis)],  # noqa: S704  escaped where made
        speech_axis=Markup(_speech_axis(analysis)),  # noqa: S704
        colours=draw.EMOTION_COLOURS,
        w=wording,
        clock=draw.clock,
        version=__version__,
        absences=_absences(analysis),
        sample_lines=_sample_lines(analysis),
    )


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return wording.clean(value) if plain else value

    environment = Environment(
        loader=PackageLoader("vemoclap", "report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _picture(analysis: Analysis) -> str:
    picture = draw.annotated_frame(analysis)
    return "data:image/jpeg;base64," + base64.b64encode(draw.encoded(picture, "JPEG")).decode()


def _sample_lines(analysis: Analysis) -> list[str]:
    lines = analysis.readings.screen.lines
    return [] if lines is None else [line.text for line in lines[analysis.sample_frame]]


def _absences(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what could not be had, and why."""
    readings = analysis.readings
    statuses = [
        ("Emotion", analysis.scores_status),
        ("Sound", analysis.clip.audio_status),
        ("Faces", readings.faces.status),
        ("Facial expressions", readings.faces.expression_status),
        ("Speech", readings.speech.status),
        ("Words spoken", readings.speech.transcript_status),
        ("Sentiment of the words", readings.speech.sentiment_status),
        ("Text on the screen", readings.screen.status),
        ("Sentiment of the screen text", readings.screen.sentiment_status),
    ]
    return [(name, wording.why(status)) for name, status in statuses if not status.ok]


def _charts(analysis: Analysis) -> list[str]:
    curves, affect = analysis.readings.curves, analysis.readings.affect
    duration = analysis.clip.info.duration_s
    spans = analysis.readings.speech.spans or ()

    def top(values: Floats, least: float) -> float:
        """Return a round top of the axis above all values."""
        known = values[np.isfinite(values)]
        highest = max(least, float(known.max()) if len(known) else least)
        scale = 10 ** np.floor(np.log10(highest))
        return float(np.ceil(highest / scale * 2) / 2 * scale)

    return [
        chart(
            "Arousal and valence, from -1 to 1",
            affect.times_s,
            [
                Line("Arousal", affect.arousal, "arousal"),
                Line("Valence", affect.valence, "valence"),
            ],
            duration_s=duration,
            low=-1,
            high=1,
        ),
        chart(
            "Motion, mean change of brightness; cuts are marked",
            curves.times_s,
            [Line("Motion", curves.motion, "motion")],
            duration_s=duration,
            low=0,
            high=top(curves.motion, 0.05),
            marks_s=curves.cuts_s,
        ),
        chart(
            "Sound, root mean square; speech is shaded",
            curves.times_s,
            [Line("Sound energy", curves.sound_energy, "sound")],
            duration_s=duration,
            low=0,
            high=top(curves.sound_energy, 0.05),
            spans=spans,
        ),
        chart(
            "Brightness and saturation, from 0 to 1",
            curves.times_s,
            [
                Line("Brightness", curves.brightness, "brightness"),
                Line("Saturation", curves.saturation, "saturation"),
            ],
            duration_s=duration,
            low=0,
            high=1,
        ),
    ]


def _speech_axis(analysis: Analysis) -> str:
    """Return a bar as long as the video with the stretches of speech filled in."""
    duration = analysis.clip.info.duration_s
    spans = analysis.readings.speech.spans or ()
    bars = "".join(
        f'<rect class="said" x="{1000 * span.start_s / duration:.1f}" y="0" '
        f'width="{max(2.0, 1000 * span.length_s / duration):.1f}" height="18"/>'
        for span in spans
    )
    return (
        '<svg class="axis" viewBox="0 0 1000 18" preserveAspectRatio="none" role="img" '
        f'aria-label="{len(spans)} stretches of speech">'
        f'<rect class="track" width="1000" height="18"/>{bars}</svg>'
    )
