"""The timeline as one HTML page that needs nothing else."""

import itertools
from pathlib import Path

from vemoclap.records import EMOTIONS
from vemoclap.report import timeline_rows, wording
from vemoclap.report.charts import key
from vemoclap.report.html import rendered
from vemoclap.report.lanes import timeline_lanes
from vemoclap.report.timeline_findings import colours
from vemoclap.timeline.records import Timeline

REPORT = "report.html"  # of the whole video, where it lies beside this page


def to_html(
    timeline: Timeline, folder: Path | None = None, *, embed_bytes: int = 0, link: bool = True
) -> str:
    """Return a page with everything a reader may want; see ``html.rendered``."""
    whole, moments = timeline.whole, timeline.moments
    return rendered(
        "timeline.html.j2",
        ("page.css", "timeline.css"),
        timeline.info,
        folder,
        embed_bytes=embed_bytes,
        link=link,
        kicker="Emotion over time",
        timeline=timeline,
        found=timeline,
        exact=wording.exact,
        known=any(one.probabilities is not None for one in moments),
        reason=next((wording.why(one.status) for one in moments if not one.status.ok), ""),
        wordless=_wordless(timeline),
        overlap=any(a.span.end_s > b.span.start_s for a, b in itertools.pairwise(moments)),
        cut=cut(timeline),
        spans=f"{len(moments)} {'span' if len(moments) == 1 else 'spans'}",
        method=method(timeline),
        mean=None
        if timeline.mean is None
        else timeline_rows.bars(timeline, timeline.labels, timeline.mean),
        whole=None
        if whole is None
        else timeline_rows.bars(timeline, EMOTIONS, whole.probabilities),
        legend=[
            (key(colour), label)
            for label, colour in zip(timeline.labels, colours(timeline.labels), strict=True)
        ],
        strip=timeline_lanes(timeline),
        cards=timeline_rows.cards(timeline),
        groups=timeline_rows.groups(timeline),
        people=timeline_rows.people(timeline),
        report=REPORT if folder is not None and (folder / REPORT).is_file() else None,
    )


def _wordless(timeline: Timeline) -> str:
    """Return why no span has words; "" if one has."""
    if any(one.words for one in timeline.moments):
        return ""
    return next(
        (wording.why(one.words_status) for one in timeline.moments if not one.words_status.ok),
        "absent: nobody says a word",
    )


def cut(timeline: Timeline) -> str:
    """Return what the video was cut into: "windows of 10 s, every 5 s"."""
    if timeline.by == "utterance":
        return "by utterance"
    if timeline.length_s is None or timeline.step_s is None:
        return "by window"
    return f"windows of {timeline.length_s:g} s, every {timeline.step_s:g} s"


def method(timeline: Timeline) -> str:
    """Return in a sentence or two how the spans came about and how they were judged."""
    if timeline.by == "utterance":
        spans = (
            "Speech was cut into utterances where people pause; the silence between them is a "
            "span of its own, so that no time is lost."
        )
    else:
        spans = "A window slid over the video; its frames, sound and words were judged each time."
    return (
        f"{spans} Decoding, speech, text and faces were found once for the whole video and "
        "shared by all spans."
    )
