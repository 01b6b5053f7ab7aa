"""The rules of the paper's pipeline, and the test that pins each.

A classifier is only as good as the features that it is fed, so each rule by which the paper's
features were made has a test that fails where the rule is broken. Most stand beside the code that
they test; those below had no such place. ``test_the_table_names_tests_that_exist`` keeps this
table true.

Frames and sound
    frames round(linspace(0, T-1, n)), 1 a second ... test_media.py::test_indices_are_those_of_the_papers_code
    fewer seconds than n: n evenly spaced ........... test_media.py::test_sample_times_follow_the_papers_schedule
    shorter side 360 px, upright .................... test_media_conformance.py::test_good_files_are_analysed_whole
    sound: mean of the channels, 16 kHz ............. test_media.py::test_sound_is_the_mean_of_the_channels_at_its_own_time
clip
    sizes, crop, mean, deviation, RGB order ......... test_preprocessing.py::test_clip_input_meets_the_golden_numbers
    bicubic, antialiased ............................ test_preprocessing.py::test_clip_input_is_torchvisions
    projected, NOT L2-normalised .................... test_clip.py::test_image_embeddings_are_projected_and_not_normalised
    nothing changes it on its way to the classifier . test_features.py::test_vectors_become_features_as_they_are
face_emotion
    confidence 0.6, overlap 0.5 ..................... test_yolo_face.py::test_faces_below_the_thresholds_go
    640 px .......................................... test_yolo_face.py::test_all_frames_go_through_the_detector_at_once_640_wide
    the detector sees RGB as such ................... test_yolo_face.py::test_the_detector_sees_red_as_red
    crops: the integer box, unpadded ................ test_faces.py::test_every_face_is_kept_with_its_frame_and_expression
    every face of every frame goes through .......... test_faces.py::test_every_face_is_kept_with_its_frame_and_expression
    crops resized as the published processor does ... test_preprocessing.py::test_face_crops_are_resized_as_by_the_published_processor
    the model sees RGB as such ...................... test_semantics.py::test_the_expression_model_sees_red_as_red
    CLS of the last block before the last norm ...... test_vit_expression.py::test_the_expression_vector_is_the_class_token_before_the_final_layer_norm
    the two largest of a frame, averaged ............ test_features.py::test_the_two_largest_faces_of_a_frame_are_averaged
    largest by the area of the crop ................. test_features.py::test_a_face_is_as_large_as_its_crop
    frames without a face give no vector ............ test_features.py::test_frames_without_a_face_give_no_vector
beats
    3 s windows, 1.5 s apart, at most n, none <= 3 s  test_sound.py::test_windows_start_where_the_paper_s_do
    indices are window numbers, not sample offsets .. test_sound.py::test_each_window_holds_the_sound_at_its_start
    the model itself ................................ test_beats.py::test_the_encoder_is_the_reference_s
    the filterbank .................................. test_beats.py::test_the_filterbank_is_the_reference_s
    last output averaged over time, one per window .. test_beats.py::test_a_vector_per_window_and_the_tags_of_their_mean
    tags: sigmoid of the predictor on the mean ...... test_beats.py::test_a_vector_per_window_and_the_tags_of_their_mean
asr_sentiment
    Whisper, task=translate, over the whole sound ... test_whisper.py::test_whisper_hears_the_whole_sound_with_the_librarys_own_settings
    likewise faster-whisper ......................... test_whisper.py::test_faster_whisper_is_asked_to_translate_the_whole_sound
    the text is stripped ............................ test_semantics.py::test_speech_is_stripped_before_it_is_judged
    RoBERTa's last hidden state at position 0 ....... test_roberta.py::test_the_sentiment_vector_is_the_last_hidden_state_at_the_first_token
    truncated at 512 tokens ......................... test_roberta.py::test_the_sentiment_vector_is_the_last_hidden_state_at_the_first_token
    empty text gives none ........................... test_features.py::test_texts_that_are_not_there_give_no_feature
ocr_sentiment
    confidence > 0.75 ............................... test_screentext.py::test_only_lines_above_the_threshold_count
    joined by a space, lower-cased .................. test_screentext.py::test_lines_of_a_frame_are_joined_and_lower_cased
    unique, non-empty, in order ..................... test_screentext.py::test_equal_frames_count_once_in_the_order_of_their_first
    a score <= 0.9 means unknown .................... test_screentext.py::test_an_uncertain_language_is_unknown_and_read_as_english
    English or unknown: words apart, then spelling .. test_screentext.py::test_english_is_segmented_then_spelt
    dictionary of 82,765 words ...................... test_semantics.py::test_the_dictionary_is_the_published_one
    edit distance 0 ................................. test_semantics.py::test_taking_words_apart_mends_none
    prefix "grammar: " .............................. test_t5_spell.py::test_the_corrector_sees_its_prefix
    any other language: NLLB ........................ test_screentext.py::test_another_language_is_translated_and_not_corrected
    the 20 languages' codes, zho_Hans ............... test_nllb.py::test_the_papers_languages
    sources are marked with their language .......... test_nllb.py::test_sources_begin_with_their_language_and_end_as_the_library_has_it
    into eng_Latn ................................... test_nllb.py::test_translations_are_forced_to_be_english
    the language is the detector's likeliest ........ test_xlm_r.py::test_the_language_is_the_likeliest_of_the_published_labels
    unique results joined by ". " ................... test_screentext.py::test_equal_results_are_said_once_and_judged_together
Caption and sample frame
    prefix of 10 from the embedding as it is ........ test_clipcap.py::test_the_caption_continues_the_embedding_as_it_is
    the embedding is the sample frame's ............. test_semantics.py::test_the_caption_is_of_the_sample_frame
    five beams, by mean; stop at "." ................ test_clipcap.py::test_the_search_finds_what_the_published_one_does
    67 tokens at most ............................... test_clipcap.py::test_the_search_ends_after_67_tokens
    a frame with faces and text, else most boxes .... test_semantics.py::test_the_sample_frame_shows_faces_and_text_else_the_most_boxes
Assembling
    one minimum and maximum per feature ............. test_tensors.py::test_values_are_scaled_by_the_training_s_minimum_and_maximum
    their released values, lengths, order of emotions test_classifier.py::test_the_released_config_is_the_paper_s
    too many rows: equidistant ones ................. test_tensors.py::test_of_too_many_rows_equidistant_ones_are_kept
    zeros after normalising, at the end ............. test_tensors.py::test_too_few_rows_are_followed_by_zeros_after_scaling
    absent: all zeros ............................... test_tensors.py::test_what_is_absent_is_zeros_and_not_scaled_zeros
    no attention mask ............................... test_classifier.py::test_padding_counts_only_without_a_mask
    each feature comes from the engine of training .. test_features.py::test_the_papers_engines_give_what_the_classifier_was_trained_on
Classifier
    the whole, by its golden logits ................. test_classifier.py::test_scores_are_the_released_classifier_s
    order of concatenation, means, ReLU ............. test_semantics.py::test_eight_parts_are_put_side_by_side_in_order
    softmax ......................................... test_semantics.py::test_probabilities_are_the_softmax_of_the_scores
    10,535,942 parameters ........................... test_published_sizes.py::test_has_as_many_parameters_as_published
"""  # noqa: E501

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.analyses import full_analysis
from tests.clips import Roles, clip_of
from tests.golden.pattern import golden, pattern, patterned
from vemoclap.classifier import engine, features
from vemoclap.classifier.inputs import assemble
from vemoclap.classifier.model import RELEASED, Classifier
from vemoclap.engines import gating, roles, symspell, vit_expression
from vemoclap.readings import image, speech
from vemoclap.readings.image import best_frame
from vemoclap.records import (
    OK,
    SAMPLE_RATE,
    Box,
    Cue,
    Expression,
    Face,
    FaceReading,
    ImageReading,
    Sentiment,
    Span,
    TextLine,
    Transcript,
)

ROW = re.compile(r"(test_\w+\.py)::(test_\w+)$", re.MULTILINE)
PAPERS = {role: roles.engine_of(roles.PAPER, role) for role in roles.ROLES}


def test_the_table_names_tests_that_exist():
    named = ROW.findall(__doc__)
    assert len(named) == __doc__.count("::") > 60
    for file, test in named:
        source = Path(__file__).with_name(file).read_text("utf-8")
        assert f"\ndef {test}(" in source, f"{file} has no {test}"


def rows(count: int, width: int = 768) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 9, (count, width)).astype(np.float32)


def face(frame: int, sides: tuple[float, float, float, float], vector: np.ndarray) -> Face:
    return Face(frame, Box(*sides), 0.9, Expression("happy", 0.8, vector))


# -- faces ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("miniatures")
def test_the_expression_model_sees_red_as_red(monkeypatch: pytest.MonkeyPatch):
    from transformers import ViTForImageClassification

    seen = []
    forward = ViTForImageClassification.forward

    def watch(self, pixel_values, **options):
        seen.append(pixel_values)
        return forward(self, pixel_values, **options)

    monkeypatch.setattr(ViTForImageClassification, "forward", watch)
    red = np.zeros((40, 30, 3), np.uint8)
    red[..., 0] = 255
    vit_expression.load("cpu")([red])
    assert seen[0].shape == (1, 3, 224, 224)
    assert seen[0].mean((0, 2, 3)).tolist() == [1, -1, -1]


# -- texts ------------------------------------------------------------------------------------


def test_speech_is_stripped_before_it_is_judged():
    heard = gating.transcript([Cue(0, 1, "  Hello ")], "  Hello \n", [Span(0, 1)], "en", "a test")
    judged = []

    def judge(text: str) -> Sentiment:
        judged.append(text)
        return Sentiment("neutral", 0.5, 0.0, None)

    def listen(*_: object) -> Transcript | None:
        return heard

    clip = clip_of(audio=np.zeros(SAMPLE_RATE))
    speech.read(clip, Roles(vad=lambda _: (Span(0, 1),), transcribe=listen, sentiment=judge))
    assert judged == ["Hello"]


def test_the_dictionary_is_the_published_one():
    lines = (files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    words = set(symspell._dictionary().words)
    assert words == {line.split()[0] for line in lines.splitlines()}
    assert len(words) >= 82_765  # later wheels add contractions to the file of this name
    assert {"government", "edition", "breaking"} <= words


@pytest.mark.parametrize(
    ("text", "apart"),
    [("breakingnews", "breaking news"), ("thegoverment", None), ("helo wrld", None)],
)
def test_taking_words_apart_mends_none(text: str, apart: str | None):
    found = symspell.load_segment("cpu")(text)
    assert found.replace(" ", "") == text.replace(" ", "")
    assert apart is None or found == apart


# -- caption and sample frame -----------------------------------------------------------------


def test_the_caption_is_of_the_sample_frame():
    vectors = rows(4, 512)
    given = []
    reading = image.describe(ImageReading(OK, vectors), 2, lambda v: given.append(v) or "a dog")
    assert (reading.frame, reading.text) == (2, "a dog")
    assert np.array_equal(given[0], vectors[2])  # not normalised


@pytest.mark.parametrize(
    ("faces", "lines", "best"),
    [
        ((0, 3, 1, 0), (5, 0, 1, 0), 2),  # both faces and text, though others have more boxes
        ((1, 1, 0, 0), (1, 2, 9, 0), 1),  # of those with both, the one with the most boxes
        ((1, 0, 2, 0), (0, 0, 0, 1), 2),  # none with both: the most boxes
        ((0, 0, 0, 0), (0, 1, 0, 4), 3),
    ],
)
def test_the_sample_frame_shows_faces_and_text_else_the_most_boxes(faces, lines, best):
    corners = ((0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (0.0, 5.0))
    whole = full_analysis().readings
    found = [face(i, (0, 0, 9, 9), rows(1)[0]) for i, many in enumerate(faces) for _ in range(many)]
    read = tuple((TextLine("a", 0.9, corners),) * many for many in lines)
    shown = best_frame(FaceReading(OK, tuple(found), OK), replace(whole.screen, lines=read), 4)
    assert shown == best


# -- the classifier ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released() -> Classifier:
    model = Classifier(RELEASED).eval().requires_grad_(False)
    model.load_state_dict(patterned(golden("classifier")["state_dict"]))
    return model


def test_eight_parts_are_put_side_by_side_in_order(released: Classifier):
    inputs = {
        name: pattern(name, (1, spec.length, spec.dim), 1.0)
        for name, spec in RELEASED.features.items()
    }
    found: dict[str, torch.Tensor] = {}
    fused = []

    def note(name: str):
        return lambda module, given, answer: found.__setitem__(name, answer)

    hooks = [norm.register_forward_hook(note(k)) for k, norm in released.attn_norms.items()]
    hooks += [
        released.encoders[k].register_forward_hook(note(k))
        for k in ("asr_sentiment", "ocr_sentiment")
    ]
    hooks.append(
        released.cls_mlp.register_forward_pre_hook(lambda m, given: fused.append(given[0]))
    )
    try:
        released(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    order = (
        *("asr_sentiment", "beats_clip", "beats_face_emotion", "clip_beats", "clip_face_emotion"),
        *("face_emotion_beats", "face_emotion_clip", "ocr_sentiment"),
    )
    assert set(found) == set(order)
    wanted = torch.cat([found[k].mean(-2).view(1, -1) for k in order], dim=1).relu()
    assert wanted.shape == (1, 4096)
    torch.testing.assert_close(fused[0], wanted)
    # Queries are of the first of a pair's names: its answer has a row for each of them.
    assert RELEASED.pairs["beats_clip"] == ("beats", "clip")


def test_probabilities_are_the_softmax_of_the_scores(released: Classifier):
    whole = full_analysis().readings
    found = features.extract(
        replace(
            whole,
            image=ImageReading(OK, rows(4, 512)),
            sound=replace(whole.sound, vectors=rows(3)),
        ),
        PAPERS,
    )
    values, _ = assemble([found], RELEASED)
    wanted = released(values)[0].softmax(0).tolist()
    assert engine.judge(released)(found).probabilities == pytest.approx(wanted, abs=1e-5)
