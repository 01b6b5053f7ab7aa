"""The analysis as one HTML page that needs nothing else."""

from pathlib import Path

import numpy as np
from markupsafe import Markup

from vemoclap.media import images
from vemoclap.records import Analysis, Face, Floats
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
        analysis=analysis,
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
