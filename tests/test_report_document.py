"""The JSON says what the records say, in the shape of its schema."""

import json
import os
from pathlib import Path

import jsonschema
import msgspec
import pytest

from tests.analyses import empty_analysis, every_analysis, full_analysis, trained_analysis, weighed
from tests.documents import schema
from vemoclap import report
from vemoclap.records import EMOTIONS, Analysis
from vemoclap.report import documents
from vemoclap.report.documents import AnalysisDocument, Document, TimelineDocument
from vemoclap.report.json import from_json


@pytest.mark.parametrize("analysis", every_analysis().values(), ids=every_analysis())
def test_the_json_has_the_shape_of_its_schema(analysis: Analysis):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(report.to_json(analysis)), schema())


@pytest.mark.parametrize("spoil", ["extra", "missing", "wrong", "moved", "tag"])
def test_the_schema_notices_a_wrong_document(spoil: str):
    document = report.document(trained_analysis())
    if spoil == "moved":
        document["emotion"]["evidence"]["moved"]["clip"]["mirth"] = 0.1
    elif spoil == "tag":
        document["sound"]["tags"][0]["probability"] = 1.5
    elif spoil == "extra":
        document["media"]["mood"] = "fine"
    elif spoil == "missing":
        del document["speech"]["status"]
    else:
        document["emotion"]["probabilities"]["joy"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_json_says_what_the_records_say():
    document = report.document(full_analysis())
    assert document["emotion"]["probabilities"]["joy"] == 0.5
    assert document["emotion"]["trained"] is False
    assert document["faces"]["found"][1]["box"] == {
        "left": 300.0,
        "top": 100.0,
        "right": 400.0,
        "bottom": 250.0,
    }
    assert document["speech"]["spans"][1] == {"start_s": 2.0, "end_s": 2.25}
    assert document["screen_text"]["lines"][0]["time_s"] == 2.0
    assert document["curves"]["motion"][5] is None


def test_the_json_says_what_the_papers_engines_found():
    document = report.document(trained_analysis())
    assert document["schema_version"] == "1.1"
    assert document["image"] == {"status": {"state": "ok", "reason": ""}}
    assert document["sound"]["tags"] == [
        {"name": "Hello there", "probability": 0.9},
        {"name": "Rain", "probability": 0.2},
    ]
    assert document["sound"]["starts_s"] == [0.0, 1.5, 3.0]
    assert document["sound"]["window_s"] == 3.0
    assert document["caption"]["frame"] == 2
    assert document["caption"]["text"] == "Hello there"
    assert document["faces"]["found"][1]["expression_probability"] == 0.8
    evidence = document["emotion"]["evidence"]
    assert list(evidence["moved"]["clip"]) == list(EMOTIONS)
    assert evidence["moved"]["asr_sentiment"]["joy"] == 0.25
    assert evidence["moved"]["clip"]["surprise"] == -0.08
    assert evidence["frame_weights"] == [0.1, 0.2, 0.6, 0.1]
    assert evidence["window_weights"] == [0.7, 0.2, 0.1]
    assert evidence["sentence"].startswith("What is said spoke most for joy")
    weights = {use["role"]: use["weights"] for use in document["engines"]}
    assert weights["image"][0].startswith("openai/clip-vit-base-patch32 at ")
    assert weights["ocr"] == []


def test_the_schemas_are_those_of_the_types(tmp_path: Path):
    documents.write_schemas(tmp_path)
    for name in documents.SCHEMAS:
        told = f"{name} is stale; documents.py says how to make it anew"
        assert (documents.FOLDER / name).read_text() == (tmp_path / name).read_text(), told


@pytest.mark.parametrize("kind", [documents.Probabilities, documents.Changes])
def test_the_emotions_of_documents_are_those_of_records(kind: type[Document]):
    assert kind.__struct_fields__ == EMOTIONS


@pytest.mark.parametrize("analysis", every_analysis().values(), ids=every_analysis())
def test_what_was_written_can_be_read(analysis: Analysis):
    text = report.to_json(analysis)
    found = from_json(text, AnalysisDocument)
    assert json.loads(msgspec.json.encode(found)) == json.loads(text)
    with pytest.raises(ValueError, match="vemoclap/analysis"):
        from_json(text, TimelineDocument)


def test_a_document_that_says_what_cannot_be_is_not_read():
    document = report.document(trained_analysis())
    document["faces"]["found"][0]["confidence"] = 1.5
    with pytest.raises(ValueError, match=r"<= 1.0 - at `\$.faces.found\[0\].confidence`"):
        from_json(json.dumps(document), AnalysisDocument)


def test_an_estimate_has_no_evidence_in_the_json():
    assert report.document(full_analysis())["emotion"]["evidence"] is None
    assert report.document(empty_analysis())["emotion"]["evidence"] is None
    assert report.document(weighed(None, None))["emotion"]["evidence"]["frame_weights"] is None


def test_what_is_absent_is_null_with_a_reason():
    document = report.document(empty_analysis())
    assert document["emotion"]["probabilities"] is None
    assert document["faces"]["found"] is None
    none = {"state": "absent", "reason": "There was none."}
    assert document["speech"]["status"] == none
    assert document["image"]["status"] == none
    assert document["caption"] == {"status": none, "frame": None, "text": None}
    assert document["sound"]["status"] == none
    assert document["sound"]["tags"] is document["sound"]["starts_s"] is None


def test_a_path_that_is_no_text_still_makes_json():
    name = os.fsdecode(b"bad\xff.mp4")
    document = json.loads(report.to_json(full_analysis(path=Path("/v") / name)).encode())
    assert document["media"]["path"].startswith("/v/bad")
