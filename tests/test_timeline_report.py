"""What a timeline is written to, read back by libraries that others wrote."""

import csv
import io
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pympi
import pysrt
import pytest
import webvtt

from tests import documents
from tests.analyses import hostile_payloads
from tests.pages import CONTROL
from tests.timelines import (
    MER_LABELS,
    by_utterance,
    by_window,
    every_timeline,
    exclusive,
    mer,
    moment,
    nothing,
)
from vemoclap.errors import VemoclapError
from vemoclap.records import EMOTIONS, Cue, Span
from vemoclap.report import timeline_files
from vemoclap.report.timeline_findings import apart, colours, peaks, said, shown_by, steps
from vemoclap.report.wording import clean
from vemoclap.timeline.records import FaceTrack, Kind, Timeline

KINDS = every_timeline()
TRAPS = [
    "one --> two",
    "1\n00:00:00,000 --> 00:00:09,000\nplanted",
    "first\n\n\nafter two blank lines",
    "WEBVTT\n\nNOTE x",
    "<i>slanted</i> & {\\an8}up",
    "<c.red>&amp; &lt;b&gt;</c>",
    "]]> <!-- -->",
    "7",
]


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def timeline(request) -> Timeline:
    return request.param


@pytest.fixture(params=[*hostile_payloads(), *TRAPS])
def hostile(request) -> Timeline:
    return by_utterance(request.param)


def plain(text: str) -> str:
    """Return text as a subtitle of SRT shows it."""
    return text.translate(str.maketrans("<>{}", "\u2039\u203a()"))


def test_all_is_written_and_nothing_else_is_left(timeline: Timeline, tmp_path: Path):
    written = timeline_files.write(timeline, tmp_path / "results")
    names = {path.name for path in written}
    assert names >= {f"timeline.{end}" for end in ("json", "csv", "vtt", "srt", "eaf")}
    assert {path.name for path in (tmp_path / "results").iterdir()} == names
    assert all(path.stat().st_size for path in written if path.suffix != ".srt")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(VemoclapError, match=r"could not be written to .*file"):
        timeline_files.write(by_window(), tmp_path / "file")


# -- JSON and CSV -----------------------------------------------------------------------------


def schema() -> dict:
    return documents.schema("timeline")


def test_the_json_has_the_shape_of_its_schema(timeline: Timeline):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(timeline_files.to_json(timeline)), schema())


def test_the_json_of_hostile_words_has_it_too(hostile: Timeline):
    jsonschema.validate(json.loads(timeline_files.to_json(hostile)), schema())


@pytest.mark.parametrize("spoil", ["extra", "probability", "kind", "missing"])
def test_the_schema_notices_a_wrong_document(spoil: str):
    document = timeline_files.document(by_utterance())
    if spoil == "extra":
        document["spans"][0]["mood"] = "fine"
    elif spoil == "probability":
        document["mean"]["joy"] = 1.5
    elif spoil == "kind":
        document["spans"][0]["kind"] = "noise"
    else:
        del document["whole"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_json_says_what_the_records_say():
    document = timeline_files.document(mer())
    assert list(document["model"]["thresholds"]) == list(MER_LABELS)
    assert document["model"]["thresholds"]["disgust"] == 0.3
    assert [span["kind"] for span in document["spans"]] == [m.kind for m in mer().moments]
    assert document["spans"][1]["start_s"] == 1.2
    assert document["spans"][1]["faces"][1]["track"] == 1
    assert document["spans"][0]["words"] is None
    assert document["face_tracks"][0]["expressions"][0] == {"label": "Hello", "share": 0.75}
    assert document["whole"] is None
    assert timeline_files.document(nothing())["spans"][0]["probabilities"] is None


def test_numbers_that_are_none_become_null():
    spoilt = replace(by_window(), mean=(float("nan"),) * 6)
    assert set(json.loads(timeline_files.to_json(spoilt))["mean"].values()) == {None}


def test_the_table_has_a_row_for_each_span(timeline: Timeline):
    rows = list(csv.DictReader(io.StringIO(timeline_files.spans_csv(timeline))))
    assert len(rows) == len(timeline.moments)
    for row, one in zip(rows, timeline.moments, strict=True):
        assert float(row["start_s"]) == one.span.start_s
        assert row["kind"] == one.kind
        known = [row[label] for label in timeline.labels]
        if one.probabilities is None:
            assert known == [""] * 6
            assert row["faces"] == row["words"] == row["emotion"] == ""
        else:
            assert [float(cell) for cell in known] == pytest.approx(one.probabilities, abs=1e-5)
            assert row["face_tracks"] == "1 2"
            assert row["faces"] == "2"


def test_the_table_holds_no_formulas_and_no_control_characters(hostile: Timeline):
    text = timeline_files.spans_csv(hostile)
    assert not CONTROL.search(text)
    for row in csv.reader(io.StringIO(text)):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]


# -- subtitles --------------------------------------------------------------------------------


def vtt(timeline: Timeline) -> list[webvtt.Caption]:
    return list(webvtt.from_string(timeline_files.to_vtt(timeline)).captions)


def test_subtitles_say_the_emotion_and_the_words():
    timeline = by_utterance("What a day")
    captions = vtt(timeline)
    assert [c.text for c in captions][:2] == [
        f"[{said(timeline.moments[0], timeline)}]",
        f"[{said(timeline.moments[1], timeline)}] What a day",
    ]
    assert (captions[1].start, captions[1].end) == ("00:00:01.200", "00:00:03.400")
    items = pysrt.from_string(timeline_files.to_srt(timeline))
    assert [item.text for item in items] == [caption.text for caption in captions]
    assert str(items[1].start) == "00:00:01,200"


def test_subtitles_of_a_model_with_thresholds_name_all_that_reach_theirs():
    timeline = mer()
    assert re.fullmatch(r"\w+ \d+ %(, \w+ \d+ %)+", said(timeline.moments[0], timeline))
    none = replace(timeline, thresholds=(1.1,) * 6)
    assert vtt(none)[0].text == "[none]"


def test_no_two_subtitles_are_shown_at_once_and_no_word_twice():
    timeline = by_window(count=6)
    cues = tuple(Cue(t + 0.4, t + 0.9, f"word{t}") for t in range(14))
    timeline = replace(timeline, cues=cues)
    captions = vtt(timeline)
    assert captions[0].start == "00:00:00.000"
    assert captions[-1].end_in_seconds == 14
    for one, following in itertools.pairwise(captions):
        assert one.end == following.start
    told = re.findall(r"word\d+", " ".join(c.text for c in captions))
    assert told == [cue.text for cue in cues]


def test_a_timeline_of_which_nothing_is_known_has_no_subtitles():
    assert vtt(nothing()) == []
    assert timeline_files.to_srt(nothing()) == ""


def test_hostile_words_are_only_words_in_webvtt(hostile: Timeline):
    text = timeline_files.to_vtt(hostile)
    captions = vtt(hostile)
    assert len(captions) == text.count("-->") == len(hostile.moments)
    assert not CONTROL.search(text)
    assert "<" not in text
    (words,) = {m.words for m in hostile.moments} - {None}
    shown = re.sub(r"^\[.*?\] ", "", " ".join(captions[1].raw_text.split()))
    unescaped = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert unescaped == clean(words)


def test_hostile_words_are_only_words_in_srt(hostile: Timeline):
    text = timeline_files.to_srt(hostile)
    items = pysrt.from_string(text, error_handling=pysrt.ERROR_RAISE)
    assert len(items) == text.count("-->") == len(hostile.moments)
    assert [item.index for item in items] == list(range(1, len(items) + 1))
    assert not CONTROL.search(text)
    (words,) = {m.words for m in hostile.moments} - {None}
    assert items[1].text_without_tags == items[1].text
    shown = re.sub(r"^\[.*?\] ", "", " ".join(items[1].text.split()))
    assert shown == plain(clean(words))


def test_very_long_words_are_cut():
    (line,) = {len(c.text) for c in vtt(by_utterance("word " * 900)) if "word" in c.text}
    assert line < 450


def test_times_of_hours_are_written():
    late = moment(0, 7199.9996, 7201.25, Kind.SPEECH)
    timeline = replace(by_utterance(), moments=(late,))
    assert (vtt(timeline)[0].start, vtt(timeline)[0].end) == ("02:00:00.000", "02:00:01.250")


# -- ELAN -------------------------------------------------------------------------------------


def eaf(timeline: Timeline, folder: Path) -> pympi.Eaf:
    place = folder / "timeline.eaf"
    place.write_text(timeline_files.to_eaf(timeline, folder), "utf-8")
    return pympi.Eaf(str(place))


def test_elan_gets_every_span_at_its_time(tmp_path: Path):
    timeline = by_utterance("What a day")
    file = eaf(timeline, tmp_path)
    expected = [
        (round(1000 * m.span.start_s), round(1000 * m.span.end_s), said(m, timeline))
        for m in timeline.moments
    ]
    assert sorted(a[:3] for a in file.get_annotation_data_for_tier("emotion")) == expected
    assert sorted(a[2] for a in file.get_annotation_data_for_tier("kind")).count("silence") == 3
    assert [a[2] for a in file.get_annotation_data_for_tier("words")] == ["What a day"] * 2
    shots = sorted(file.get_annotation_data_for_tier("shots"))
    assert [a[:3] for a in shots] == [
        (0, 1500, "shot 1"),
        (1500, 4250, "shot 2"),
        (4250, 9000, "shot 3"),
    ]
    faces = sorted(file.get_annotation_data_for_tier("face 1"))
    assert [a[:2] for a in faces] == [(0, 3000), (4000, 5000)]
    assert faces[0][2] == "What a day 75 %, neutral 25 %"
    assert file.get_annotation_data_for_tier("face 2")[0][2] == "face 2"
    assert file.get_linked_files()[0]["MEDIA_URL"] == "file:///videos/clip.mp4"


def test_overlapping_windows_get_tiers_on_which_nothing_overlaps(tmp_path: Path):
    timeline = by_window(count=7, length_s=5.0, step_s=2.0)
    file = eaf(timeline, tmp_path)
    names = [name for name in file.get_tier_names() if name.startswith("emotion")]
    assert names == ["emotion", "emotion (2)", "emotion (3)"]
    found = []
    for name in names:
        row = sorted(file.get_annotation_data_for_tier(name))
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(row))
        found += row
    assert sorted(a[:2] for a in found) == [
        (2000 * place, 2000 * place + 5000) for place in range(7)
    ]


def test_the_time_order_of_elan_is_valid(timeline: Timeline):
    root = ElementTree.fromstring(timeline_files.to_eaf(timeline))
    slots = [
        (s.get("TIME_SLOT_ID"), int(s.get("TIME_VALUE") or -1)) for s in root.iter("TIME_SLOT")
    ]
    assert [value for _, value in slots] == sorted({value for _, value in slots})
    known = dict(slots)
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids))
    for one in root.iter("ALIGNABLE_ANNOTATION"):
        assert known[one.get("TIME_SLOT_REF1")] < known[one.get("TIME_SLOT_REF2")]
    names = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert len(names) == len(set(names))
    (last,) = [p.text for p in root.iter("PROPERTY")]
    assert last == str(len(ids))


def test_hostile_words_are_only_words_in_elan(hostile: Timeline, tmp_path: Path):
    words = hostile.warnings[0]
    name = words.replace("/", "\u2215").replace("\x00", "") + ".mp4"
    timeline = replace(hostile, info=replace(hostile.info, path=Path("/v") / name))
    file = eaf(timeline, tmp_path)
    assert {a[2] for a in file.get_annotation_data_for_tier("words")} == {clean(words)}
    assert not CONTROL.search((tmp_path / "timeline.eaf").read_text("utf-8"))
    assert len(list(file.get_tier_names())) == len(list(eaf(by_utterance(), tmp_path).tiers))


def test_of_very_many_faces_those_seen_most_have_tiers(tmp_path: Path):
    many = tuple(FaceTrack(n, (Span(0, 1 + n / 100),), n, b"", None) for n in range(60))
    file = eaf(replace(by_utterance(), tracks=many), tmp_path)
    names = [name for name in file.get_tier_names() if name.startswith("face")]
    assert names[0] == "face 21"
    assert len(names) == 40


# -- what the numbers say ---------------------------------------------------------------------


def test_the_strongest_span_of_each_emotion_is_found():
    timeline = by_window(count=20)
    found = peaks(timeline)
    assert {peak.emotion.label for peak in found} == set(EMOTIONS)
    for peak in found:
        place = EMOTIONS.index(peak.emotion.label)
        values = [m.probabilities[place] for m in timeline.moments if m.probabilities]
        assert peak.emotion.probability == max(values)
        assert peak.moment.probabilities
        assert peak.moment.probabilities[place] == max(values)
    numbers = [peak.emotion.probability for peak in found]
    assert numbers == sorted(numbers, reverse=True)
    assert peaks(nothing()) == ()


def test_overlapping_windows_are_averaged_where_they_overlap():
    timeline = by_window(count=3, length_s=4.0, step_s=2.0)
    found = steps(timeline, 100)
    assert [(s.span.start_s, s.span.end_s) for s in found] == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert found[0].probabilities == pytest.approx(exclusive(0))
    both = [(a + b) / 2 for a, b in zip(exclusive(0), exclusive(1), strict=True)]
    assert found[1].probabilities == pytest.approx(both)


def test_a_long_timeline_is_drawn_in_a_bounded_number_of_steps():
    timeline = by_window(count=1440, length_s=10, step_s=5)
    found = steps(timeline, 300)
    assert len(found) == 300
    assert found[-1].span.end_s == timeline.info.duration_s
    assert all(sum(s.probabilities or ()) == pytest.approx(1) for s in found)


def test_spans_are_cut_apart_in_the_middle():
    cut = apart((Span(0, 10), Span(5, 15), Span(20, 30)))
    assert cut == (Span(0, 7.5), Span(7.5, 15), Span(20, 30))


def test_colours_are_those_of_the_same_emotion_by_another_name():
    by_name = dict(zip(EMOTIONS, colours(EMOTIONS), strict=True))
    happy, sad, *_ = colours(MER_LABELS)
    assert (happy, sad) == (by_name["joy"], by_name["sadness"])
    assert len(set(colours(("calm", "bored", "joy")))) == 3


def test_what_a_face_showed_is_told_where_it_changes():
    timeline = by_utterance("smile")
    assert [one.label for one in shown_by(timeline, 0)] == ["smile"]  # joined
    face = timeline.moments[2].faces[0]
    other = replace(face, expression=replace(face.expression, label="frown"))
    moments = (
        *timeline.moments[:2],
        replace(timeline.moments[2], faces=(other,)),
        *timeline.moments[3:],
    )
    found = shown_by(replace(timeline, moments=moments), 0)
    assert [(one.start_s, one.label) for one in found] == [
        (0.0, "smile"),
        (3.4, "frown"),
        (4.0, "smile"),
    ]
    assert shown_by(timeline, 1) == ()
