"""Tables for spreadsheets: a row per step and frame, and never a formula."""

import csv
import io

import pytest

from tests.analyses import STEPS, empty_analysis, full_analysis, trained_analysis
from vemoclap import report
from vemoclap.report.csv import safe_cell


def test_the_csv_has_a_row_per_step_and_empty_cells_for_the_unknown():
    rows = list(csv.DictReader(io.StringIO(report.curves_csv(full_analysis()))))
    assert len(rows) == STEPS
    assert list(rows[0]) == [
        "time_s", "motion", "cut_rate", "brightness", "saturation", "sound_energy",
        "arousal", "valence", "speech",
    ]  # fmt: skip
    assert rows[5]["motion"] == ""
    assert float(rows[5]["brightness"]) == pytest.approx(0.8912, abs=1e-3)
    assert [float(row["speech"]) for row in rows[:8]] == pytest.approx([0, 0, 0.5, 1, 1, 1, 1, 0.5])


def test_the_frames_csv_has_a_row_per_frame():
    rows = list(csv.DictReader(io.StringIO(report.frames_csv(trained_analysis()))))
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[2] == {
        "frame": "3",
        "time_s": "2",
        "faces": "1",
        "expression": "Hello there",
        "expression_probability": "0.8",
        "text": "Hello there",
        "attention": "0.6",
    }
    assert (rows[0]["faces"], rows[0]["expression"], rows[0]["text"]) == ("0", "", "")


def test_the_frames_csv_leaves_the_unknown_empty():
    for row in csv.DictReader(io.StringIO(report.frames_csv(empty_analysis()))):
        assert [value for name, value in row.items() if value] == [row["frame"], row["time_s"]]


def test_no_cell_of_the_frames_is_a_formula():
    text = report.frames_csv(trained_analysis(words='=HYPERLINK("http://evil.example")'))
    row = list(csv.DictReader(io.StringIO(text)))[2]
    assert row["expression"].startswith("'=")
    assert row["text"].startswith("'=")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str):
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert safe_cell(f"a{start}") == f"a{start}"
