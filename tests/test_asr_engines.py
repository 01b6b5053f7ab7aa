"""The engines that listen, on miniature models in the published layout; see tests/hub/speech.py."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.clips import clip_of, voice
from tests.hub import speech
from vemoclap import weights
from vemoclap.engines import faster_whisper, gating, whisper
from vemoclap.errors import WeightsError
from vemoclap.records import Cue, Span, Transcript

BUILDERS = {
    "whisper-large-v3": speech.build_whisper_large_v3,
    "faster-whisper-large-v3": speech.build_faster_whisper_large_v3,
}
MODULES = {"whisper-large-v3": whisper, "faster-whisper-large-v3": faster_whisper}
FIRST, SECOND = (Cue(start, end, text) for text, start, end in speech.SENTENCES)
WHOLE = f"{FIRST.text} {SECOND.text}"

every = pytest.mark.parametrize("name", BUILDERS)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hub")
    for name, build in BUILDERS.items():
        build(home / name)
    return home


@pytest.fixture(autouse=True)
def miniature(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let engines find the miniature models."""
    monkeypatch.setenv("VEMOCLAP_HOME", str(hub))
    monkeypatch.setattr(weights, "folder", lambda name: hub / name)


@pytest.fixture(scope="module")
def listen(hub: Path) -> Callable[[str], Callable]:
    """Return a function that gives an engine's callable, loaded once."""
    loaded: dict[str, Callable] = {}

    def get(name: str) -> Callable:
        if name not in loaded:
            loaded[name] = MODULES[name].load("cpu")
        return loaded[name]

    return get


@pytest.fixture
def spoiled(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that copies a model to where a test may spoil it, and engines look."""

    def copy(name: str) -> Path:
        for path in (hub / name).iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path

    monkeypatch.setattr(weights, "folder", lambda name: tmp_path)
    return copy


def clip(seconds: float = 9):
    sound = voice(seconds)
    sound.flags.writeable = False  # as decoded sound is, of which torch warns
    return clip_of(audio=sound)


def only(*spans: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(Span(*span) for span in spans)


# -- both engines -----------------------------------------------------------------------------


@every
def test_speech_becomes_english_words_with_times_and_its_language(name: str, listen: Callable):
    found = listen(name)(clip(), only((0, 9)))
    assert found.cues == (FIRST, SECOND)  # not what it writes when asked to transcribe
    assert found.text == WHOLE
    assert found.language == speech.LANGUAGE
    assert found.english
    assert found.source.startswith("Whisper large-v3")
    assert found.source.endswith("translated to English")


def test_the_source_of_words_is_named(listen: Callable):
    found = listen("whisper-large-v3")(clip(), only((0, 9)))
    assert found.source == "Whisper large-v3, translated to English"


@every
def test_nobody_is_asked_where_nobody_speaks(
    name: str, listen: Callable, monkeypatch: pytest.MonkeyPatch
):
    from faster_whisper import WhisperModel
    from whisper.model import Whisper

    engine = listen(name)

    def never(*args, **options):
        raise AssertionError("it listened")

    monkeypatch.setattr(Whisper, "decode", never)
    monkeypatch.setattr(WhisperModel, "transcribe", never)
    assert engine(clip(), ()) is None
    assert engine(clip_of(), only((0, 9))) is None
    with pytest.raises(AssertionError, match="it listened"):
        engine(clip(), only((0, 9)))


@every
def test_words_outside_the_voice_are_dropped(name: str, listen: Callable):
    engine = listen(name)
    early = engine(clip(), only((3.5, 4.5)))
    assert (early.cues, early.text) == ((FIRST,), FIRST.text)
    late = engine(clip(), only((4.2, 5.5), (8, 9)))
    assert (late.cues, late.text) == ((SECOND,), SECOND.text)
    assert engine(clip(), only((4.2, 5.8))) is None


@every
def test_long_sounds_are_heard_to_their_end(name: str, listen: Callable):
    found = listen(name)(clip(40), only((0, 40)))
    assert found.text == f"{WHOLE} {WHOLE}"
    assert [cue.start_s for cue in found.cues] == [0, 6, 30, 36]


@every
def test_the_shortest_sound_does_no_harm(name: str, listen: Callable):
    for samples in (1, 400):
        sound = clip_of(audio=np.zeros(samples))
        found = listen(name)(sound, only((0, 0.02)))
        assert found is None or isinstance(found, Transcript)


@every
def test_the_same_sound_gives_the_same_words(
    name: str, listen: Callable, monkeypatch: pytest.MonkeyPatch
):
    """Also where the model is unsure, and so draws words at random."""
    from faster_whisper import WhisperModel
    from whisper.model import Whisper

    hot = {"temperature": 30.0}
    if name == "whisper-large-v3":
        kind, more = Whisper, {**hot, "sample_len": 20}
        engines = [listen(name)] * 2  # each call starts anew
    else:
        kind, more = WhisperModel, {**hot, "beam_size": 1, "max_new_tokens": 20}
        engines = [faster_whisper.load("cpu") for _ in range(2)]  # each load starts anew
    transcribe = kind.transcribe
    monkeypatch.setattr(
        kind, "transcribe", lambda self, sound, **options: transcribe(self, sound, **options | more)
    )
    state = torch.get_rng_state()
    first = engines[0](clip(), only((0, 30)))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(1)
    second = engines[1](clip(), only((0, 30)))
    assert first == second
    assert first is not None
    assert first.text != WHOLE


@every
def test_damaged_models_are_refused(name: str, spoiled: Callable):
    folder = spoiled(name)
    for path in (*folder.glob("*.pt"), *folder.glob("model.bin")):
        path.write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError):
        MODULES[name].load("cpu")


def test_engines_that_listen_are_silent_and_offline(hub: Path, tmp_path: Path):
    script = """
        import socket, sys
        def refuse(*args, **kwargs):
            print("network:", args)
            raise OSError("no network")
        socket.getaddrinfo = socket.socket.connect = refuse
        from pathlib import Path
        import numpy as np
        from tests.clips import clip_of, voice
        from vemoclap import weights
        from vemoclap.engines import faster_whisper, whisper
        from vemoclap.records import Span
        weights.folder = lambda name: Path(sys.argv[1]) / name
        sound = voice(3)
        sound.flags.writeable = False
        for module in (whisper, faster_whisper):
            assert module.load("cpu")(clip_of(audio=sound), (Span(0, 3),)).text
    """
    user, home = tmp_path / "user", tmp_path / "home"
    user.mkdir()
    home.mkdir()
    root = Path(__file__).resolve().parents[1]
    kept = ("LD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # No ffmpeg to be found: the sound is there already.
    environment |= {"PATH": "/nowhere", "HOME": str(user), "VEMOCLAP_HOME": str(home)}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(hub)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert not list(user.iterdir())


# -- words only where a voice was heard -------------------------------------------------------


def test_with_nothing_dropped_the_text_is_the_engines_own():
    cues = [Cue(0, 1, " caf"), Cue(1, 2, "é "), Cue(3, 3, "")]
    found = gating.transcript(cues, " café, whole ", only((0, 2)), "en", "x")
    assert found.text == "café, whole"  # a cue without words is no loss
    assert [cue.text for cue in found.cues] == ["caf", "é"]


def test_with_a_part_dropped_the_text_is_made_of_the_others():
    cues = [Cue(0, 1, " One."), Cue(1, 2, " Two."), Cue(2, 3, " Three.")]
    found = gating.transcript(cues, " One. Two. Three.", only((0.5, 0.9), (2.9, 9)), "en", "x")
    assert found.text == "One. Three."


@pytest.mark.parametrize("span", [(0, 1), (2, 3), (5, 9)])
def test_touching_is_not_meeting(span: tuple[float, float]):
    assert gating.transcript([Cue(1, 2, "a")], "a", only(span), "en", "x") is None


@pytest.mark.parametrize("span", [(0, 1.01), (1.2, 1.3), (1.99, 3), (0, 9)])
def test_any_overlap_keeps_words(span: tuple[float, float]):
    assert gating.transcript([Cue(1, 2, "a")], "a", only(span), "en", "x").text == "a"


def test_no_words_are_no_transcript():
    assert gating.transcript([], " ", only((0, 9)), "en", "x") is None
    assert gating.transcript([Cue(0, 1, " ")], " ", only((0, 9)), "en", "x") is None


@pytest.mark.parametrize(
    ("whispers", "iso"), [("de", "de"), ("jw", "jv"), ("yue", "zh"), ("haw", None)]
)
def test_languages_are_two_letters(whispers: str, iso: str | None):
    assert gating.transcript([Cue(0, 1, "a")], "a", only((0, 9)), whispers, "x").language == iso


# -- openai-whisper ---------------------------------------------------------------------------


def test_whisper_writes_what_the_library_itself_would(hub: Path, listen: Callable):
    import whisper as library

    model = library.load_model(str(hub / "whisper-large-v3" / "large-v3.pt"), device="cpu")
    result = model.transcribe(voice(9), task="translate", fp16=False)
    assert listen("whisper-large-v3")(clip(), only((0, 30))).text == result["text"].strip()


def test_whisper_computes_what_the_library_itself_would(hub: Path):
    import whisper as library

    path = hub / "whisper-large-v3" / "large-v3.pt"
    theirs, ours = library.load_model(str(path), device="cpu"), whisper._network(path, "cpu")
    mels = torch.randn(1, 128, 3000, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[50258, 50265, 50359, 50365, 42]])
    with torch.inference_mode():
        torch.testing.assert_close(ours(mels, tokens), theirs(mels, tokens))
        library.model.MultiHeadAttention.use_sdpa = False  # where the mask counts
        try:
            torch.testing.assert_close(ours(mels, tokens), theirs(mels, tokens))
        finally:
            library.model.MultiHeadAttention.use_sdpa = True
    assert {each.dtype for each in ours.parameters()} == {torch.float32}


@pytest.mark.gpu
def test_whisper_in_half_precision_writes_the_same():
    ours = whisper._network(weights.folder("whisper-large-v3") / "large-v3.pt", "cuda")
    norms = [m for m in ours.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert {each.weight.dtype for each in norms} == {torch.float32}
    assert ours.decoder.token_embedding.weight.dtype == torch.float16
    assert whisper.load("cuda")(clip(), only((0, 9))).text == WHOLE


def test_whisper_hears_the_whole_sound_with_the_librarys_own_settings(
    hub: Path, monkeypatch: pytest.MonkeyPatch
):
    from whisper.model import Whisper

    asked = []

    def answer(self, sound, **options):
        asked.append((sound, options))
        return {"segments": [], "text": "", "language": "en"}

    monkeypatch.setattr(Whisper, "transcribe", answer)
    assert whisper.load("cpu")(clip(), only((2, 3))) is None
    ((sound, options),) = asked
    assert np.array_equal(sound.numpy(), clip().audio)
    assert options == {"task": "translate", "fp16": False}


def spoil(folder: Path, alter: Callable[[dict], object]) -> None:
    found = torch.load(folder / "large-v3.pt", weights_only=True)
    alter(found)
    torch.save(found, folder / "large-v3.pt")


def test_whispers_missing_and_strange_weights_are_named(spoiled: Callable):
    folder = spoiled("whisper-large-v3")
    spoil(folder, lambda found: found["model_state_dict"].pop("decoder.ln.weight"))
    with pytest.raises(WeightsError, match=r"decoder\.ln\.weight is missing"):
        whisper.load("cpu")
    more = {"decoder.ln.weight": torch.ones(32), "strange": torch.ones(1)}
    spoil(folder, lambda found: found["model_state_dict"].update(more))
    with pytest.raises(WeightsError, match="strange is unexpected"):
        whisper.load("cpu")


def test_a_file_that_is_no_whisper_is_refused(spoiled: Callable):
    folder = spoiled("whisper-large-v3")
    torch.save({"a": torch.ones(1)}, folder / "large-v3.pt")
    with pytest.raises(WeightsError, match="no Whisper model"):
        whisper.load("cpu")
    torch.save({"dims": {"n_mels": 1}, "model_state_dict": {}}, folder / "large-v3.pt")
    with pytest.raises(WeightsError, match="sizes"):
        whisper.load("cpu")


class Trap:
    """Something whose pickle, opened carelessly, makes a folder."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


def test_a_whisper_that_asks_for_code_to_be_run_is_refused(spoiled: Callable):
    folder = spoiled("whisper-large-v3")
    trap = Trap(folder / "trapped")
    torch.save({"dims": speech.DIMS, "model_state_dict": {"a": trap}}, folder / "large-v3.pt")
    with pytest.raises(WeightsError, match="asks for code"):
        whisper.load("cpu")
    assert not (folder / "trapped").exists()


# -- faster-whisper ---------------------------------------------------------------------------


def test_faster_whisper_is_asked_to_translate_the_whole_sound(
    hub: Path, monkeypatch: pytest.MonkeyPatch
):
    from faster_whisper import WhisperModel

    asked = []

    def answer(self, sound, **options):
        asked.append((sound, options))
        return iter(()), type("About", (), {"language": "en"})

    monkeypatch.setattr(WhisperModel, "transcribe", answer)
    assert faster_whisper.load("cpu")(clip(), only((2, 3))) is None
    ((sound, options),) = asked
    assert np.array_equal(sound, clip().audio)
    assert options == {"task": "translate", "beam_size": 5, "vad_filter": False}


@pytest.mark.parametrize(
    ("device", "kind", "index", "numbers"),
    [("cpu", "cpu", 0, "int8"), ("cuda", "cuda", 0, "float16"), ("cuda:1", "cuda", 1, "float16")],
)
def test_faster_whispers_precision_goes_with_the_device(
    device: str, kind: str, index: int, numbers: str, monkeypatch: pytest.MonkeyPatch
):
    import faster_whisper as library

    asked = []
    monkeypatch.setattr(
        library, "WhisperModel", lambda folder, **options: asked.append((folder, options))
    )
    faster_whisper.load(device)
    ((folder, options),) = asked
    assert folder == str(weights.folder("faster-whisper-large-v3"))
    assert (options["device"], options["device_index"]) == (kind, index)
    assert options["compute_type"] == numbers
    assert options["local_files_only"]


def test_faster_whisper_looks_for_no_tokenizer_elsewhere(spoiled: Callable):
    (spoiled("faster-whisper-large-v3") / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"tokenizer\.json"):
        faster_whisper.load("cpu")


def test_miniatures_are_small_and_always_the_same(hub: Path, tmp_path: Path):
    for name, build in BUILDERS.items():
        build(tmp_path / name)
    files = [path.relative_to(hub) for path in hub.rglob("*") if path.is_file()]
    assert sum((hub / path).stat().st_size for path in files) < 12e6
    names = {path.name for path in files}
    assert names >= {"large-v3.pt", "model.bin", "config.json", "tokenizer.json"}
    assert names >= {"vocabulary.json", "preprocessor_config.json"}
    for path in files:
        assert (hub / path).read_bytes() == (tmp_path / path).read_bytes(), path
