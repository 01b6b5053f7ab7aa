"""The curve of a timeline as a picture, for papers and slides."""

import io
import itertools
from typing import TYPE_CHECKING, Any

from vemoclap.report import wording
from vemoclap.report.charts import ticks
from vemoclap.report.timeline_findings import Run, colours, runs
from vemoclap.timeline.records import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = 1200
DOTS = 150  # per inch
SPEECH, INK = "#0f766e", "#1d2126"
NAME = 70  # letters of the file's name


def to_png(timeline: Timeline) -> bytes:
    """Return the curve as a PNG: stacked, or a row per emotion where they do not add up.

    Dashed lines are cuts between shots; the strip below shows when somebody speaks.
    """
    from matplotlib.figure import Figure

    rows = 1 if timeline.exclusive else len(timeline.labels)
    heights = [3.0 if timeline.exclusive else 0.62] * rows + [0.22]
    figure = Figure(figsize=(10, sum(heights) + 1.2), layout="constrained", dpi=DOTS)
    # Several curves share their times and so one axis.
    made = figure.subplots(rows + 1, 1, sharex=True, height_ratios=heights, squeeze=False)
    charts, below = list(made[:-1, 0]), made[-1, 0]
    found = runs(timeline, STEPS)
    if timeline.exclusive:
        _stacked(charts[0], timeline, found)
    else:
        _rows(charts, timeline, found)
    for axes in charts:
        for cut in timeline.cuts_s:
            axes.axvline(cut, color=INK, linewidth=0.5, linestyle=(0, (2, 3)), alpha=0.5)
        axes.set_ylim(0, 1)
    for span in timeline.speech or ():
        below.axvspan(span.start_s, span.end_s, color=SPEECH, linewidth=0)
    below.set_yticks([])
    below.set_ylabel("speech", rotation=0, ha="right", va="center")
    below.set_xlim(0, timeline.info.duration_s)
    marks = ticks(timeline.info.duration_s)
    below.set_xticks(marks, [wording.clock(mark) for mark in marks])
    for axes in (*charts, below):
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.suptitle(_plain(wording.file_name(timeline.info.path))[:NAME], fontsize=11)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _stacked(axes: "Axes", timeline: Timeline, found: list[Run]) -> None:
    for run in found:
        times, values = _corners(run)
        # The first label on top, as in the page.
        shades = colours(timeline.labels)[::-1]
        axes.stackplot(times, *values[::-1], colors=shades, linewidth=0)
    axes.set_ylabel("probability")
    shown = zip(timeline.labels, colours(timeline.labels), strict=True)
    handles = [axes.bar(0, 0, color=colour, label=_plain(label)) for label, colour in shown]
    axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        frameon=False,
    )


def _rows(charts: list[Any], timeline: Timeline, found: list[Run]) -> None:
    names = zip(charts, timeline.labels, colours(timeline.labels), strict=True)
    for place, (axes, label, colour) in enumerate(names):
        least = 0.0 if timeline.thresholds is None else timeline.thresholds[place]
        for run in found:
            times, values = _corners(run)
            line = values[place]
            axes.fill_between(times, line, color=colour, alpha=0.35, linewidth=0)
            above = [value >= least for value in line]
            axes.fill_between(times, line, where=above, color=colour, linewidth=0)
        if timeline.thresholds is not None:
            axes.axhline(least, color=INK, linewidth=1, linestyle=":")
        axes.set_ylabel(_plain(label), rotation=0, ha="right", va="center")
        axes.set_yticks([])


def _corners(run: Run) -> tuple[list[float], list[list[float]]]:
    """Return the corners of a line of steps: times, and the values there for each label."""
    times = [edge for edges in itertools.pairwise(run.edges) for edge in edges]
    columns = zip(*run.probabilities, strict=True)
    return times, [[value for value in column for _ in range(2)] for column in columns]


def _plain(text: str) -> str:
    """Return text that the plotting library takes for no formula."""
    return wording.clean(text).replace("$", r"\$")
