"""The table of engines and the presets that choose from it."""

from dataclasses import fields, replace

import pytest

from vemoclap.engines import precision, roles
from vemoclap.engines.registry import EngineEntry
from vemoclap.engines.roles import EMBEDDED, PAPER
from vemoclap.errors import EngineError, UsageError, WeightsError


def test_a_preset_has_exactly_the_roles_of_the_table():
    assert {field.name for field in fields(roles.Preset)} - {"name"} == set(roles.ROLES)


def test_every_engine_of_the_embedded_preset_is_in_the_table():
    assert roles.missing(EMBEDDED) == ()


def test_overrides_change_one_role_and_can_empty_it():
    assert roles.choose("embedded", {"ocr": "none"}) == replace(EMBEDDED, ocr=None)


@pytest.mark.parametrize(
    ("name", "overrides", "names"),
    [
        ("papr", {}, "paper"),
        ("embedded", {"smell": "nose"}, "transcribe"),
        ("embedded", {"ocr": "tesseract"}, "rapidocr"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(name, overrides, names):
    with pytest.raises(UsageError, match=names):
        roles.choose(name, overrides)


def test_auto_takes_the_best_preset_that_lacks_nothing(monkeypatch):
    monkeypatch.setattr(roles, "missing", lambda preset: ("x",) if preset.name == "paper" else ())
    assert roles.choose("auto").name == "fast"


def test_a_preset_that_lacks_something_says_what(monkeypatch):
    monkeypatch.setattr(roles, "missing", lambda preset: ("image: clip",))
    with pytest.raises(WeightsError, match="image: clip"):
        roles.choose("paper")


def test_a_library_that_does_not_import_is_an_engine_error(monkeypatch):
    entry = EngineEntry("no_such_module_anywhere:load", "vemoclap", "MIT", "nothing")
    monkeypatch.setitem(roles.ENGINES["ocr"], "ghost", entry)
    with pytest.raises(EngineError, match=r"'ghost' for ocr.*setup\.sh"):
        roles.load("ocr", "ghost", "cpu")


@pytest.mark.parametrize("narrow", [True, False])
def test_the_description_says_what_numbers_an_engine_computes_with(narrow, monkeypatch):
    monkeypatch.setattr(precision, "of_cpu", lambda: "bfloat16" if narrow else None)
    words, features = ("bfloat16" if narrow else "float32"), "float32"
    on_cpu = {use.role: use.detail for use in roles.describe(PAPER, "cpu")}
    on_gpu = {use.role: use.detail for use in roles.describe(PAPER, "cuda")}
    for role, there in {
        "transcribe": words,
        "translate": words,
        "spell": words,
        "expression": features,
        "sound": features,
        "sentiment": features,
    }.items():
        assert on_cpu[role].endswith(f", in {there})")
        assert on_gpu[role].endswith(", in float16)")
    assert ", in " not in on_cpu["emotion"]
    assert all(", in " not in use.detail for use in roles.describe(PAPER))


def test_the_description_names_versions_and_says_why_a_role_is_empty():
    uses = {use.role: use for use in roles.describe(EMBEDDED)}
    assert uses["faces"].engine == "mtcnn"
    assert "facenet-pytorch 2." in uses["faces"].detail
    assert uses["translate"].engine is None
    assert "embedded" in uses["translate"].detail
