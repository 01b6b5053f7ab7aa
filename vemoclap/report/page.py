"""The analysis as one HTML page that needs nothing else."""

import functools
from pathlib import Path

import numpy as np
from markupsafe import Markup

from vemoclap.media import images
from vemoclap.records import Analysis, Face
from vemoclap.report import annotate, wording
from vemoclap.report.charts import Line, bar, chart
from vemoclap.report.html import rendered
from vemoclap.report.lanes import analysis_lanes
from vemoclap.report.player import moment
from vemoclap.report.reasoning import reasoning
from vemoclap.report.stills import LISTED, stills

TIMELINE = "timeline.html"  # of the same video, where it lies beside the report
FACES_SHOWN = 24  # pictures of faces, the largest; the rest is in the JSON


def to_html(
    analysis: Analysis, folder: Path | None = None, *, embed_bytes: int = 0, link: bool = True
) -> str:
    """Return a page with everything a reader may want; see ``html.rendered``."""
    return rendered(
        "page.html.j2",
        ("page.css",),
        analysis.clip.info,
        folder,
        embed_bytes=embed_bytes,
        link=link,
        kicker="Video emotion report",
        analysis=analysis,
        found=analysis,
        clip=analysis.clip,
        readings=analysis.readings,
        scores=analysis.scores,
        strip=analysis_lanes(analysis),
        stills=stills(analysis),
        listed=LISTED,
        moment=moment,
        picture=images.data_uri(annotate.annotated_frame(analysis)),
        charts=_charts(analysis),
        colours=wording.EMOTION_COLOURS,
        bar=bar,
        absences=_absences(analysis),
        sample_lines=_sample_lines(analysis),
        reasoning=reasoning(analysis),
        over_time=TIMELINE if folder is not None and (folder / TIMELINE).is_file() else None,
        faces=[
            (images.data_uri(images.face_picture(analysis.clip.frames[face.frame], face.box)), face)
            for face in _largest_faces(analysis)
        ],
    )


def _largest_faces(analysis: Analysis) -> list[Face]:
    """Return the largest faces, in the order in which they appear."""
    found = analysis.readings.faces.faces or ()
    by_size = sorted(range(len(found)), key=lambda index: -found[index].box.area)
    return [found[index] for index in sorted(by_size[:FACES_SHOWN])]


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
        ("What the pictures show", readings.image.status),
        ("Caption", readings.caption.status),
        ("Sounds besides words", readings.sound.status),
    ]
    rows = [(name, wording.why(status)) for name, status in statuses if not status.ok]
    if analysis.scores is not None and analysis.scores.evidence is None:
        rows.append(("Why this emotion", wording.NO_EVIDENCE))
    return rows


def _charts(analysis: Analysis) -> list[Markup]:
    curves, affect = analysis.readings.curves, analysis.readings.affect
    draw = functools.partial(chart, duration_s=analysis.clip.info.duration_s)
    times_s, spans = curves.times_s, analysis.readings.speech.spans or ()
    arousal = Line("Arousal", affect.arousal, "arousal")
    valence = Line("Valence", affect.valence, "valence")
    motion = Line("Motion", curves.motion, "motion")
    sound = Line("Sound energy", curves.sound_energy, "sound")
    brightness = Line("Brightness", curves.brightness, "brightness")
    saturation = Line("Saturation", curves.saturation, "saturation")
    scale = "Arousal and valence, from -1 to 1"
    shots = "Motion, mean change of brightness; cuts are marked"
    heard = "Sound, root mean square; speech is shaded"
    light = "Brightness and saturation, from 0 to 1"
    return [
        draw(scale, affect.times_s, [arousal, valence], low=-1, high=1),
        draw(shots, times_s, [motion], low=0, high=_top(motion), marks_s=curves.cuts_s),
        draw(heard, times_s, [sound], low=0, high=_top(sound), spans=spans),
        draw(light, times_s, [brightness, saturation], low=0, high=1),
    ]


def _top(line: Line, least: float = 0.05) -> float:
    """Return a round top of the axis above all values of a curve."""
    known = line.values[np.isfinite(line.values)]
    highest = max(least, float(known.max()) if len(known) else least)
    scale = 10 ** np.floor(np.log10(highest))
    return float(np.ceil(highest / scale * 2) / 2 * scale)
