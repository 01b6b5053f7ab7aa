"""What a visitor may do in which order, without a widget, a model or a network."""

import itertools
import re
import threading
from pathlib import Path

import pytest

from tests.analyses import full_analysis
from vemoclap import analyser
from vemoclap.app import private_folder
from vemoclap.app.jobs import STOPPED, StoppedError, Work, sentence
from vemoclap.app.session import ANALYSE, MAX_FRAMES, SOURCE, VIDEO, Session, best_preset, needed
from vemoclap.engines import roles
from vemoclap.errors import MediaError, SourceError, UsageError, VemoclapError, WeightsError
from vemoclap.media.sources import Kind
from vemoclap.weights import cache, download


class FakeAnalyser:
    """An analyser that knows at once, and refuses files called "bad"."""

    def __init__(self, preset, **_):
        self.preset = roles.PRESETS[preset]

    def analyze(self, path, *, frame_count, progress):
        progress("video", 0, 1)
        if path.stem == "bad":
            raise MediaError("bad.mp4 is not a video; choose another file.")
        return full_analysis(path=path)


@pytest.fixture
def session(monkeypatch, tmp_path):
    monkeypatch.setattr(analyser, "Analyser", FakeAnalyser)
    monkeypatch.setattr(private_folder, "root", lambda: tmp_path / "visitors")
    private = tmp_path / "visitors" / "visitor-one"
    private.mkdir(parents=True)
    return Session(private)


def silent(*_):
    """Hear of progress and say nothing."""


def no_artefact(name):
    raise AssertionError(f"{name} is not to be downloaded")


def ready(session, path=None):
    session.build("embedded", no_artefact)
    if path is None:
        session.choose_kind(Kind.SAMPLE)
        session.choose_sample("launch")
    else:
        session.choose_kind(Kind.PATH)
        session.choose_path(str(path))
    return session


def test_the_five_steps_in_order(session):
    assert session.lacks(SOURCE) == "Step 2 comes first: build the models."
    session.build("embedded", no_artefact)
    assert session.preset == "embedded"
    assert session.lacks(VIDEO) == "Step 3 comes first: choose where the video comes from."
    session.choose_kind(Kind.SAMPLE)
    assert session.lacks(ANALYSE) == "Step 4 comes first: choose a video."
    session.choose_sample("launch")
    assert session.lacks(ANALYSE) is None
    session.choose_frames(4)
    assert not session.up_to_date
    session.analyse(silent)
    assert session.up_to_date
    assert session.analysis.clip.info.path.name == "launch.mp4"


ACTIONS = {
    "build": lambda s: s.build("embedded", no_artefact),
    "sample": lambda s: s.choose_kind(Kind.SAMPLE),
    "path": lambda s: s.choose_kind(Kind.PATH),
    "launch": lambda s: s.choose_sample("launch"),
    "file": lambda s: s.choose_path(__file__),
    "nothing": lambda s: s.choose_path("/no/such/file.mp4"),
    "frames": lambda s: s.choose_frames(8),
    "analyse": lambda s: s.analyse(silent),
}


def refused(action, visitor):
    """Return the sentence with which an action is refused, "" if it is not."""
    try:
        action(visitor)
    except VemoclapError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("first", ACTIONS)
def test_every_order_of_clicks_ends_in_a_state_or_a_sentence(session, first, tmp_path):
    for rest in itertools.product(ACTIONS, repeat=3):
        visitor = Session(session.private)
        for name in (first, *rest):
            before = visitor.analysis
            refusal = refused(ACTIONS[name], visitor)
            assert re.fullmatch(r"[^\n]+\.|", refusal)
            assert not refusal or visitor.analysis is before
            assert (visitor.lacks(ANALYSE) is None) == (
                visitor.preset is not None
                and visitor.kind is not None
                and visitor.source is not None
            )
            if visitor.source is not None:
                assert visitor.source.path.is_file()
            if visitor.up_to_date:
                assert visitor.analysis.clip.info.path == visitor.source.path


def test_whoever_listens_hears_of_every_change_once(session):
    heard = []
    session.listen(lambda: heard.append(session.lacks(ANALYSE)))
    ready(session)
    session.choose_sample("launch")  # the same again
    assert heard == [
        "Step 3 comes first: choose where the video comes from.",
        "Step 4 comes first: choose a video.",
        None,
    ]


def test_steps_3_to_5_can_be_repeated_and_the_last_results_stay_meanwhile(session, tmp_path):
    ready(session).analyse(silent)
    first = session.analysis
    session.choose_sample("storm")
    assert session.analysis is first
    assert not session.up_to_date
    session.analyse(silent)
    assert session.analysis is not first
    session.choose_kind(Kind.PATH)
    assert session.source is None  # a sample is no path
    assert session.lacks(ANALYSE) == "Step 4 comes first: choose a video."


def test_a_refused_video_leaves_everything_as_it_was(session, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    ready(session, bad)
    with pytest.raises(MediaError, match="choose another file"):
        session.analyse(silent)
    assert session.analysis is None
    assert session.lacks(ANALYSE) is None


@pytest.mark.parametrize("count", [0, -1, MAX_FRAMES + 1])
def test_numbers_of_frames_have_limits(session, count):
    with pytest.raises(UsageError, match=f"choose 1 to {MAX_FRAMES}"):
        session.choose_frames(count)


# -- files ------------------------------------------------------------------------------------


def test_an_upload_lies_in_the_private_folder_and_replaces_the_one_before(session):
    session.build("embedded", no_artefact)
    session.choose_kind(Kind.UPLOAD)
    session.choose_upload(b"one", "../../one<img src=x>.mp4")
    first = session.source.path
    assert first.parent == session.private
    session.choose_upload(memoryview(b"two"), "two.mp4")
    assert session.source.path.read_bytes() == b"two"
    assert not first.exists()
    with pytest.raises(SourceError, match="empty"):
        session.choose_upload(b"", "three.mp4")
    assert session.source is None


def test_another_visitors_upload_cannot_be_named(session):
    session.build("embedded", no_artefact)
    session.choose_kind(Kind.PATH)
    other = session.private.parent / "visitor-two"
    other.mkdir()
    theirs, link = other / "secret.mp4", session.private / "link.mp4"
    theirs.write_bytes(b"secret")
    link.symlink_to(theirs)
    for path in (theirs, other / ".." / "visitor-two" / "secret.mp4", link):
        with pytest.raises(SourceError, match="There is no file"):
            session.choose_path(str(path))
        assert session.source is None


def test_private_folders_go_with_their_process(monkeypatch, tmp_path):
    monkeypatch.setattr(private_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    at_exit = []
    monkeypatch.setattr(private_folder.atexit, "register", at_exit.append)
    mine = private_folder.private()
    assert mine.stat().st_mode & 0o777 == 0o700
    assert mine.parent.stat().st_mode & 0o777 == 0o700
    killed = mine.with_name("visitor-killed")
    killed.mkdir()
    (killed / private_folder.LOCK).touch()
    (killed / "video.mp4").write_bytes(b"left behind")
    private_folder.sweep()
    assert mine.is_dir()
    assert not killed.exists()
    at_exit[-1]()
    assert not mine.parent.exists()


def test_a_folder_that_somebody_else_made_before_us_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(private_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"vemoclap-{private_folder.os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="somebody else"):
        private_folder.root()


# -- models -----------------------------------------------------------------------------------


def test_what_is_missing_is_downloaded_and_the_rest_is_not(session, monkeypatch):
    missing = {"clip", "beats"}
    asked = []

    def fetch_all(names, progress_of):
        asked.extend(names)
        for name in names:
            progress_of(name)("downloading", 5, 10)
        missing.clear()
        return {}

    monkeypatch.setattr(cache, "missing", lambda name: ("x",) if name in missing else ())
    monkeypatch.setattr(download, "fetch_all", fetch_all)
    told = []
    session.build("paper", lambda name: lambda *progress: told.append((name, *progress)))
    assert sorted(asked) == ["beats", "clip"]
    assert ("clip", "downloading", 5, 10) in told
    assert session.preset == "paper"


def test_a_failed_download_keeps_what_was_built_before(session, monkeypatch):
    session.build("embedded", no_artefact)
    error = WeightsError("huggingface.co cannot be reached; check the network.")
    monkeypatch.setattr(cache, "missing", lambda name: ("x",))
    monkeypatch.setattr(download, "fetch_all", lambda names, _: dict.fromkeys(names, error))
    with pytest.raises(WeightsError, match=r"downloads failed, the first since: huggingface\.co"):
        session.build("fast", silent)
    assert session.preset == "embedded"


def test_the_proposed_preset_fits_what_is_here(monkeypatch):
    from vemoclap.app import session as module

    present = {"paper": (), "fast": (), "embedded": ()}
    monkeypatch.setattr(roles, "missing", lambda preset: present[preset.name])
    assert best_preset() == "paper"
    present["paper"] = ("whisper",)
    assert best_preset() == "fast"
    present["fast"] = ("faster-whisper",)
    for gpu, expected in ((True, "paper"), (False, "fast")):
        monkeypatch.setattr(module, "_has_gpu", lambda gpu=gpu: gpu)
        assert best_preset() == expected


def test_every_preset_says_what_it_needs():
    assert needed("embedded") == []
    assert {row.engine for row in needed("fast")} - {row.engine for row in needed("paper")} == {
        "faster-whisper"
    }


# -- long work --------------------------------------------------------------------------------


def test_one_job_at_a_time_and_it_can_be_stopped():
    work = Work(background=True)
    begun, ended, problems = threading.Event(), threading.Event(), []

    def endless(tell):
        begun.set()
        while True:
            tell("faces", 1, 2)

    def finished(problem):
        problems.append(problem)
        ended.set()

    assert work.start(endless, progress=silent, finished=finished)
    assert begun.wait(60)
    assert work.busy
    assert not work.start(endless, progress=silent, finished=finished)
    work.stop()
    assert ended.wait(60)
    assert problems == [STOPPED]
    assert not work.busy


def test_progress_is_told_at_new_stages_and_at_ends_but_not_a_thousand_times():
    told = []

    def busy(tell):
        for stage in ("video", "faces"):
            for done in range(1001):
                tell(stage, done, 1000)

    Work(background=False).start(busy, progress=lambda *p: told.append(p), finished=silent)
    assert told[0] == ("video", 0, 1000)
    assert ("faces", 0, 1000) in told
    assert ("faces", 1000, 1000) in told
    assert len(told) < 100


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MediaError("x.mp4 is no video; choose another."), "x.mp4 is no video; choose another."),
        (KeyboardInterrupt(), STOPPED),
        (StoppedError(), STOPPED),
        (MemoryError(), "There is not enough memory"),
        (ZeroDivisionError("division by zero"), "vemoclap itself failed (ZeroDivisionError"),
    ],
)
def test_every_error_is_one_sentence_and_a_traceback_only_on_demand(
    error, said, monkeypatch, capsys
):
    problems = []

    def fail(_):
        raise error

    def finished(problem):
        problems.append(problem)

    monkeypatch.delenv("VEMOCLAP_DEBUG", raising=False)
    Work(background=False).start(fail, progress=silent, finished=finished)
    assert problems[0].startswith(said)
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("VEMOCLAP_DEBUG", "1")
    assert sentence(error) == problems[0]
    assert type(error).__name__ in capsys.readouterr().err


def test_the_notebook_is_where_the_command_looks_for_it():
    from vemoclap.cli.app import NOTEBOOK

    assert Path(__file__).resolve().parents[1] / "app.ipynb" == NOTEBOOK
