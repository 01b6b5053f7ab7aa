"""Engines are kept while there is memory, released in the right order, and never asked in vain."""

import gc
import json
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.test_analyser import ENGINES as LIGHT
from tests.videos import plain
from vemoclap import Analyser
from vemoclap.engines import memory, roles
from vemoclap.engines.pool import WORKING_BYTES, Residents
from vemoclap.engines.registry import ENGINES
from vemoclap.engines.roles import EMBEDDED, PAPER
from vemoclap.errors import EngineError, WeightsError
from vemoclap.records import State
from vemoclap.report import document as report_json

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
HEAVY = [role for role in roles.ROLES if ENGINES[role][getattr(PAPER, role)].memory_mb[0]]
FREE = [role for role in roles.ROLES if role not in HEAVY]  # of any need worth a count


def bytes_of(role: str, device: str = "cpu") -> int:
    return ENGINES[role][getattr(PAPER, role)].memory_mb[device != "cpu"] * 10**6


class Fake:
    """An engine that takes memory until it is collected, which a circle keeps from being soon."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.circle = self

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return (self.role, *args)


class Machine:
    """So much memory, and the engines that take it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.alive: weakref.WeakSet[Fake] = weakref.WeakSet()
        self.loads: list[str] = []
        self.together: list[set[str]] = []  # heavy ones, after each load
        self.errors: dict[str, Exception] = {}  # role -> what its loading ends with

    def free_bytes(self, device: str) -> int:
        return self.total - sum(bytes_of(fake.role, device) for fake in self.alive)

    def load(self, role: str, engine: str, device: str) -> Fake:
        assert engine == getattr(PAPER, role)
        self.loads.append(role)
        fake = Fake(role)
        if role in self.errors:
            raise self.errors[role]
        self.alive.add(fake)
        self.together.append({one.role for one in self.alive} & set(HEAVY))
        return fake


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """One with room for everything, unless a test says otherwise."""
    made = Machine(WORKING_BYTES + 100 * 10**9)
    monkeypatch.setattr(memory, "free_bytes", made.free_bytes)
    monkeypatch.setattr(roles, "load", made.load)
    gc.freeze()  # the libraries' own millions, that each release need not go through them
    yield made
    gc.unfreeze()


def ask(engines: Residents, *asked: str) -> None:
    for role in asked:
        call = engines.role(role)
        assert call is not None
        assert call(1, "two") == (role, 1, "two")


# -- keeping and releasing --------------------------------------------------------------------


def test_with_room_all_are_loaded_once_and_stay(machine: Machine):
    engines, told = Residents(PAPER, "cpu"), []
    engines.load(lambda *step: told.append(step))
    assert machine.loads == list(roles.ROLES)
    ask(engines, *roles.ROLES, *reversed(roles.ROLES))
    engines.load()
    assert machine.loads == list(roles.ROLES)
    assert told == [("models", done, len(roles.ROLES)) for done in range(len(roles.ROLES))]


@pytest.mark.parametrize("total", [0, WORKING_BYTES, WORKING_BYTES + max(map(bytes_of, HEAVY)) - 1])
def test_where_memory_is_short_heavy_ones_come_one_at_a_time(machine: Machine, total: int):
    machine.total = total
    engines = Residents(PAPER, "cpu")
    largest = max(HEAVY, key=bytes_of)
    for role in HEAVY:
        ask(engines, largest, role, *FREE)
        assert role in engines._loaded
    if total <= WORKING_BYTES:
        assert all(len(heavy) == 1 for heavy in machine.together if heavy)
    # Never the largest beside another, and the light ones once for all.
    assert not [heavy for heavy in machine.together if largest in heavy and len(heavy) > 1]
    assert all(machine.loads.count(role) == 1 for role in FREE)


def test_what_does_not_fit_waits_until_it_is_asked(machine: Machine):
    machine.total = WORKING_BYTES + sum(map(bytes_of, HEAVY)) - 1
    engines = Residents(PAPER, "cpu")
    engines.load()
    late = [role for role in roles.ROLES if role not in machine.loads]
    assert len(late) == 1
    assert late[0] in HEAVY
    before = len(machine.loads)
    ask(engines, *late)
    assert machine.loads[before:] == late
    # The first of the order has made room, as nobody was asked yet.
    assert set(HEAVY) - engines._loaded.keys() == {HEAVY[0]}


def test_the_one_asked_longest_ago_makes_room(machine: Machine):
    three = sum(map(bytes_of, ("image", "sound", "expression")))
    machine.total = WORKING_BYTES + three + 2 * 10**8
    engines = Residents(PAPER, "cpu")
    ask(engines, "expression", "image", "sound", "expression")
    assert set(engines._loaded) == {"expression", "image", "sound"}
    ask(engines, "caption")  # needs the room of both others, which go one after another
    assert list(engines._loaded) == ["expression", "caption"]
    ask(engines, "expression", "emotion")
    assert list(engines._loaded) == ["caption", "expression", "emotion"]
    assert machine.loads == ["expression", "image", "sound", "caption", "emotion"]


def test_light_ones_never_make_room_nor_need_it(machine: Machine):
    machine.total = 0
    engines = Residents(PAPER, "cpu")
    ask(engines, "image", *FREE)
    assert set(engines._loaded) == {"image", *FREE}


def test_a_gpu_has_needs_of_its_own(machine: Machine):
    room = WORKING_BYTES + sum(bytes_of(role, "cuda") for role in HEAVY)
    machine.total = room
    engines = Residents(PAPER, "cuda")
    engines.load()
    assert engines.on_gpu
    assert machine.loads == list(roles.ROLES)
    assert not Residents(PAPER, "cpu").on_gpu
    machine.loads.clear()
    machine.alive.clear()
    Residents(PAPER, "cpu").load()
    assert set(machine.loads) < set(roles.ROLES)  # in single precision they do not all fit


def test_what_is_released_leaves_the_memory(machine: Machine):
    machine.total = 0
    engines = Residents(PAPER, "cpu")
    ask(engines, "image")
    (image,) = machine.alive
    gone = weakref.ref(image)
    del image
    ask(engines, "sound")
    assert gone() is None


def test_threads_that_ask_at_once_load_an_engine_once(machine: Machine):
    engines, start = Residents(PAPER, "cpu"), threading.Barrier(8)

    def work() -> None:
        start.wait(30)
        ask(engines, "ocr", "image")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(machine.loads) == ["image", "ocr"]


def test_an_empty_role_has_no_callable(machine: Machine):
    engines = Residents(replace(PAPER, ocr=None), "cpu")
    engines.load()
    assert engines.role("ocr") is None
    assert "ocr" not in engines.names
    assert "ocr" not in machine.loads


# -- broken engines ---------------------------------------------------------------------------


@pytest.mark.parametrize("total", [0, 10**12])
def test_a_broken_engine_is_tried_once_and_costs_the_others_nothing(machine: Machine, total: int):
    machine.total = total
    machine.errors["image"] = EngineError("The image library is broken; run setup.sh again.")
    engines = Residents(PAPER, "cpu")
    engines.load()
    for _ in range(3):
        call = engines.role("image")
        assert call is not None
        with pytest.raises(EngineError, match=r"^The image library is broken; run setup\.sh again"):
            call("frames")
    ask(engines, *(role for role in roles.ROLES if role != "image"))
    assert machine.loads.count("image") == 1
    assert "image" not in engines.names
    assert engines.names == {r: getattr(PAPER, r) for r in roles.ROLES if r != "image"}
    assert list(engines.broken) == ["image"]


def test_a_broken_engine_makes_nobody_go_when_it_is_asked_again(machine: Machine):
    machine.total = WORKING_BYTES
    machine.errors["image"] = EngineError("broken")
    engines = Residents(PAPER, "cpu")
    ask(engines, "sound")
    for _ in range(2):
        with pytest.raises(EngineError):
            engines.role("image")()  # type: ignore[misc]
        ask(engines, "sound")
    assert machine.loads.count("sound") == 2  # again after the one try of the other


def test_what_a_broken_engine_had_loaded_does_not_stay(machine: Machine, monkeypatch):
    class Weights:
        pass

    half_loaded: list[weakref.ref[Weights]] = []

    def load(role: str, engine: str, device: str) -> Fake:
        tensors = Weights()
        half_loaded.append(weakref.ref(tensors))
        try:
            raise MemoryError(tensors)
        except MemoryError as error:
            raise EngineError("no room") from error

    monkeypatch.setattr(roles, "load", load)
    engines = Residents(PAPER, "cpu")
    engines.load()
    gc.collect()
    assert len(half_loaded) == len(roles.ROLES)
    assert not [ref for ref in half_loaded if ref() is not None]


def test_asking_a_broken_engine_keeps_nothing_of_the_video(machine: Machine):
    class Frames:
        pass

    machine.errors["image"] = EngineError("broken")
    engines = Residents(PAPER, "cpu")
    engines.load()

    def analyse() -> "weakref.ref[Frames]":
        frames = Frames()
        with pytest.raises(EngineError, match="broken"):
            engines.role("image")(frames)  # type: ignore[misc]
        return weakref.ref(frames)

    seen = [analyse() for _ in range(3)]
    gc.collect()
    assert not [ref for ref in seen if ref() is not None]


def test_damaged_weights_end_the_run(machine: Machine):
    machine.errors["sound"] = WeightsError("The model in /x is damaged; download it again.")
    with pytest.raises(WeightsError, match="is damaged"):
        Residents(PAPER, "cpu").load()
    machine.total = 0  # where it is loaded only when it is asked
    engines = Residents(PAPER, "cpu")
    engines.load()
    with pytest.raises(WeightsError, match="is damaged"):
        engines.role("sound")()  # type: ignore[misc]


def test_whatever_an_engine_raises_is_an_engine_error(machine: Machine, monkeypatch):
    def load(role: str, engine: str, device: str) -> Any:
        def broken(*_: object) -> None:
            raise {"image": ZeroDivisionError("by zero"), "sound": EngineError("as it is")}[role]

        return broken

    monkeypatch.setattr(roles, "load", load)
    engines = Residents(PAPER, "cpu")
    with pytest.raises(EngineError, match=r"image engine broke .*ZeroDivisionError: by zero"):
        engines.role("image")()  # type: ignore[misc]
    with pytest.raises(EngineError, match=r"^as it is$"):
        engines.role("sound")()  # type: ignore[misc]
    assert engines.broken == {}  # on this video, not for ever
    monkeypatch.setenv("VEMOCLAP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        engines.role("image")()  # type: ignore[misc]


# -- the real engines, where memory is short --------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("own_home")
def test_role_by_role_the_results_are_the_same(monkeypatch: pytest.MonkeyPatch):
    video = SAMPLES / "launch.mp4"
    roomy = report_json(Analyser(PAPER, device="cpu").analyze(video, frame_count=8))
    gc.collect()

    loaded: list[str] = []
    left: dict[str, int] = {}  # role -> bytes of other engines when it was loaded
    inner = roles.load

    def load(role: str, engine: str, device: str) -> Any:
        loaded.append(role)
        if role in HEAVY:
            left[role] = bytes_of_parameters()
        return inner(role, engine, device)

    monkeypatch.setattr(roles, "load", load)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1000)
    before = bytes_of_parameters()
    short = report_json(Analyser(PAPER, device="cpu").analyze(video, frame_count=8))
    assert set(loaded) == set(roles.ROLES)
    assert left == dict.fromkeys(HEAVY, before)
    assert loaded.count("sentiment") == 2  # for speech and for the screen
    assert timeless(short) == timeless(roomy)


def bytes_of_parameters() -> int:
    """Return what the weights of all networks of torch in this process take."""
    found = (one for one in gc.get_objects() if type(one) is torch.nn.Parameter)
    return sum(one.nbytes for one in found)


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(found))
    copy["stages"] = [stage["stage"] for stage in copy["stages"]]
    return copy


# -- OCR beside the GPU -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain(tmp_path_factory.mktemp("video") / "plain.mp4")


@pytest.fixture
def analyser(monkeypatch: pytest.MonkeyPatch) -> Analyser:
    """One of plain functions, on a device that says it is a GPU."""
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10**12)
    made = Analyser(EMBEDDED)
    made._device = "cuda"
    return made


def use(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    engines = {**LIGHT, **changed}
    monkeypatch.setattr(roles, "load", lambda role, engine, device: engines[role])


def test_on_a_gpu_text_is_read_while_others_work(analyser: Analyser, video: Path, monkeypatch):
    looking, reading = threading.Event(), threading.Event()
    met: list[bool] = []

    def ocr(frames: np.ndarray) -> list[tuple[()]]:
        reading.set()
        met.append(looking.wait(30))
        return [() for _ in frames]

    def faces(frames: np.ndarray) -> list[tuple[()]]:
        looking.set()
        met.append(reading.wait(30))
        return [() for _ in frames]

    use(monkeypatch, ocr=ocr, faces=faces)
    analysis = analyser.analyze(video)
    assert met == [True, True]
    assert analysis.readings.screen.status.state is State.ABSENT
    assert [stage.stage for stage in analysis.stages].count("screen text") == 1


def test_on_a_cpu_one_thing_happens_after_another(analyser: Analyser, video: Path, monkeypatch):
    order: list[tuple[str, bool]] = []

    def engine(name: str) -> Any:
        def work(frames: np.ndarray) -> list[tuple[()]]:
            order.append((name, threading.current_thread() is threading.main_thread()))
            return [() for _ in frames]

        return work

    use(monkeypatch, ocr=engine("ocr"), faces=engine("faces"))
    analyser._device = "cpu"
    analyser.analyze(video)
    assert order == [("faces", True), ("ocr", True)]


@pytest.mark.parametrize("error", [RuntimeError("boom"), EngineError("boom"), ValueError("boom")])
def test_an_error_in_the_thread_is_a_failed_reading(
    error: Exception, analyser: Analyser, video: Path, monkeypatch
):
    def ocr(frames: np.ndarray) -> None:
        raise error

    use(monkeypatch, ocr=ocr)
    analysis = analyser.analyze(video)
    assert analysis.readings.screen.status.state is State.FAILED
    assert "boom" in analysis.readings.screen.status.reason
    assert analysis.readings.faces.status.state is State.ABSENT
    assert analysis.scores is not None


def test_an_engine_that_does_not_load_in_the_thread_is_a_failed_reading(
    analyser: Analyser, video: Path, monkeypatch
):
    def load(role: str, engine: str, device: str) -> Any:
        if role == "ocr":
            raise EngineError("The OCR library is broken.")
        return LIGHT[role]

    monkeypatch.setattr(memory, "free_bytes", lambda device: 0)  # so it is loaded when asked
    monkeypatch.setattr(roles, "load", load)
    analysis = analyser.analyze(video)
    assert analysis.readings.screen.status.reason == "The OCR library is broken."
    assert analysis.warnings == ("The OCR library is broken.",)
    assert "ocr" not in analysis.features.engines


def test_nothing_is_left_running_when_another_engine_ends_the_run(
    analyser: Analyser, video: Path, monkeypatch
):
    done = threading.Event()

    def ocr(frames: np.ndarray) -> list[tuple[()]]:
        done.set()
        return [() for _ in frames]

    def faces(frames: np.ndarray) -> None:
        raise WeightsError("The detector is damaged.")

    use(monkeypatch, ocr=ocr, faces=faces)
    with pytest.raises(WeightsError, match="The detector is damaged"):
        analyser.analyze(video)
    assert done.is_set()
    assert not [one for one in threading.enumerate() if one.name.startswith("ocr")]


def test_the_preset_without_ocr_starts_no_thread(analyser: Analyser, video: Path, monkeypatch):
    use(monkeypatch, ocr=None)
    other = Analyser(replace(EMBEDDED, ocr=None))
    other._device = "cuda"
    assert other.analyze(video).readings.screen.status.state is State.SKIPPED
