"""Charts have gaps where values are unknown, and say in words what they show."""

import re

import numpy as np
import pytest

from vemoclap.records import Span
from vemoclap.report.charts import Line, bar, chart, signed_bar, ticks, window_chart
from vemoclap.report.wording import clock


def test_a_gap_in_a_curve_is_a_gap_in_the_chart():
    times = np.arange(6.0)
    values = np.array([0, 1, np.nan, 1, 0, 1], np.float32)
    svg = chart("T", times, [Line("v", values, "c")], duration_s=6, low=0, high=1)
    assert svg.count("<polyline") == 2
    assert "nan" not in svg.lower().replace("unknown", "")


def test_a_chart_shades_marks_and_describes():
    svg = chart(
        "A < B",
        np.arange(2.0),
        [Line("v", np.array([0.25, 0.75], np.float32), "c")],
        duration_s=2,
        low=0,
        high=1,
        spans=[Span(0.0, 1.0)],
        marks_s=[1.0],
    )
    assert 'class="span" x="56.0"' in svg
    assert svg.count('class="mark"') == 1
    assert 'aria-label="A &lt; B: v from 0.25 to 0.75, mean 0.50"' in svg


@pytest.mark.parametrize("duration", [0.04, 1, 7, 59, 600, 5000, 40000])
def test_ticks_are_few_and_inside(duration: float):
    times = ticks(duration)
    assert 1 <= len(times) <= 8
    assert times[0] == 0
    assert times[-1] <= duration


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [(0, "0:00"), (0.4, "0.4 s"), (5, "0:05"), (65.9, "1:05"), (3723, "1:02:03")],
)
def test_times_read_like_a_players(time_s: float, shown: str):
    assert clock(time_s) == shown


def test_windows_stand_where_they_were_heard_and_as_high_as_they_weigh():
    svg = window_chart("T", (0.0, 1.5, 3.0), (0.2, 0.5, 0.3), most=1, window_s=3, duration_s=6)
    bars = [
        tuple(map(float, found))
        for found in re.findall(r'class="weight[^>]* x="([\d.]+)" y="[\d.]+" \w+="([\d.]+)"', svg)
    ]
    assert [x for x, _ in bars] == [128.0, 272.0, 416.0]  # 0.75, 2.25 and 3.75 s of 6
    heights = [float(h) for h in re.findall(r'class="weight[^>]* height="([\d.]+)"', svg)]
    assert heights[0] / heights[1] == pytest.approx(0.4, abs=0.02)
    assert svg.count("weight most") == 1
    assert 'aria-label="T: most is window 2 of 3, from 0:01 to 0:04, with 50 %"' in svg
    assert ">50 %</text>" in svg


def test_no_window_is_pointed_at_where_none_stands_out():
    svg = window_chart("T", (0.0, 1.5), (0.5, 0.5), most=None, window_s=3, duration_s=6)
    assert "weight most" not in svg
    assert "all 2 windows about equally" in svg


def test_many_windows_of_a_long_video_stay_visible():
    starts = tuple(float(second) for second in range(0, 3600, 225))
    svg = window_chart("T", starts, (1 / 16,) * 16, most=None, window_s=3, duration_s=3600)
    assert svg.count('width="3.0"') == 16


@pytest.mark.parametrize(("share", "width"), [(-1, "0.0"), (0.25, "250.0"), (2, "1000.0")])
def test_a_bar_is_as_long_as_its_share(share: float, width: str):
    assert f'width="{width}" height="14" fill="red"' in bar(share, "red")


def test_a_signed_bar_leaves_the_middle_by_its_sign():
    assert 'class="plus" x="500.0" width="249.0"' in signed_bar(0.1, 0.2)
    assert 'class="minus" x="2.0" width="498.0"' in signed_bar(-0.2, 0.2)
    assert 'width="0.0"' in signed_bar(0.0, 0.0)
