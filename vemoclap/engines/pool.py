"""The loaded engines of a preset, kept as long as there is memory for them.

On a machine with room for all, every engine is loaded once and stays. Where memory is short, an
engine is loaded when it is first asked, and those that were not asked for longest make room for
it; in the end the preset runs role by role.
"""

import gc
import threading
from collections.abc import Callable
from typing import Any

from vemoclap.engines import memory, roles
from vemoclap.engines.quiet import debugging
from vemoclap.engines.registry import ENGINES
from vemoclap.engines.roles import Preset
from vemoclap.errors import EngineError, VemoclapError
from vemoclap.records import Progress

# What models need besides their weights while they run, in bytes: the widest is Whisper's
# decoding with five candidates. Batches of the others are as large as what is left allows.
WORKING_BYTES = 1_500_000_000


class Residents:
    """The callables of a preset's roles, their engines loaded and released as memory allows."""

    def __init__(self, preset: Preset, device: str) -> None:
        self._preset = preset
        self._device = device
        self._loaded: dict[str, Any] = {}  # role -> callable, the one asked last at the end
        self._lock = threading.RLock()  # a second thread may read the screen meanwhile
        self.broken: dict[str, EngineError] = {}  # role -> why its engine could not be loaded

    @property
    def on_gpu(self) -> bool:
        """Whether the models run on a GPU, so that the CPU has time."""
        return self._device != "cpu"

    @property
    def names(self) -> dict[str, str]:
        """The engine of every role that is filled, but those that could not be loaded."""
        engines = {role: roles.engine_of(self._preset, role) for role in roles.ROLES}
        return {
            role: engine for role, engine in engines.items() if engine and role not in self.broken
        }

    def load(self, progress: Progress | None = None) -> None:
        """Load every engine that there is room for; the others wait until they are asked.

        Raises:
            WeightsError: the weights of one are missing or damaged.
        """
        names = self.names
        for done, role in enumerate(names):
            if progress:
                progress("models", done, len(names))
            if self._need(role) + WORKING_BYTES <= memory.free_bytes(self._device):
                self._try(role)

    def role(self, role: str) -> Callable[..., Any] | None:
        """Return the callable of ``role``, None where the preset leaves it empty.

        It raises ``EngineError``, whatever the engine itself raised, and where it could not be
        loaded.
        """
        if roles.engine_of(self._preset, role) is None:
            return None

        def call(*args: Any) -> Any:
            engine = self._engine(role)
            try:
                return engine(*args)
            except VemoclapError:
                raise
            except Exception as error:
                if debugging():
                    raise
                raise EngineError(
                    f"The {role} engine broke on this video ({type(error).__name__}: {error})."
                ) from error

        return call

    def _engine(self, role: str) -> Any:
        with self._lock:
            if role not in self._loaded and role not in self.broken:
                self._make_room(self._need(role))
            self._try(role)
            if role in self.broken:
                # A new one each time: its traceback would grow, and with it what is kept alive.
                raise EngineError(str(self.broken[role]))
            self._loaded[role] = self._loaded.pop(role)  # to the end, as the one asked last
            return self._loaded[role]

    def _try(self, role: str) -> None:
        """Load the engine of ``role`` if it is not there yet; remember it if it is broken."""
        if role in self._loaded or role in self.broken:
            return
        engine = roles.engine_of(self._preset, role)
        assert engine is not None  # an empty role has no callable that could ask
        try:
            self._loaded[role] = roles.load(role, engine, self._device)
        except EngineError as error:
            if debugging():
                raise
            # Without its traceback, which keeps alive what was half loaded.
            self.broken[role] = EngineError(str(error))

    def _make_room(self, need: int) -> None:
        """Release engines, those asked longest ago first, until ``need`` bytes fit."""
        if not need:
            return
        for role in [role for role in self._loaded if self._need(role)]:
            if need + WORKING_BYTES <= memory.free_bytes(self._device):
                return
            del self._loaded[role]
            gc.collect()  # networks hold themselves in circles
            if self.on_gpu:
                import torch

                torch.cuda.empty_cache()

    def _need(self, role: str) -> int:
        """Return about how many bytes the engine of ``role`` takes once loaded."""
        engine = roles.engine_of(self._preset, role)
        on_cpu, on_gpu = ENGINES[role][engine].memory_mb if engine else (0, 0)
        return (on_gpu if self.on_gpu else on_cpu) * 1_000_000
