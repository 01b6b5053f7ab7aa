"""Workers for batches in tests: real ones without models, and ones that misbehave on demand.

They are made in processes of their own, so they are named by module and function; what they do
goes by the name of the file, which says it.
"""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from vemoclap.batch import fingerprint, results
from vemoclap.batch.inputs import folder_name
from vemoclap.batch.records import Ending, Orders, What
from vemoclap.batch.worker import Worker
from vemoclap.engines.roles import EMBEDDED, ROLES
from vemoclap.errors import MediaError, WeightsError
from vemoclap.media.clip import Limits

NO_MODELS = {role: "none" for role in ROLES if role != "emotion" and getattr(EMBEDDED, role)}
PACE = "VEMOCLAP_TEST_PACE_S"  # how long a video takes
LOG = "VEMOCLAP_TEST_LOG"  # a folder: each video that is begun leaves a file


def orders(out: Path, **changes: object) -> Orders:
    """Return orders that need no model."""
    usual = {
        "what": What.ANALYSIS,
        "preset": "embedded",
        "overrides": NO_MODELS,
        "checkpoint": None,
        "frame_count": 4,
        "device": "cpu",
        "limits": Limits(),
        "runner": "local",
    }
    return fingerprint.orders(out, **{**usual, **changes})


class Quick(Worker):
    """Reads no video: a result is a function of the file's bytes."""

    def __init__(self, given: Orders) -> None:
        self._orders = given

    def load(self) -> None:
        pass

    def decode(self, job):
        if "refuse" in job.item.name:
            raise MediaError(f"{job.item.path.name} is refused; be kind.")

    def make(self, ready, ended):
        job = ready.job
        if folder := os.environ.get(LOG):
            begun = Path(folder) / f"{job.item.name.replace('/', '_')}.{os.getpid()}"
            begun.touch()
        time.sleep(float(os.environ.get(PACE, "0")))
        done = replace(ended(Ending.OK, ""), seconds=0.0, ended="2026-11-21")
        text = json.dumps({"sha256": ready.content.sha256, "name": job.item.name})

        def fill(folder: Path) -> None:
            for number in range(3):
                (folder / f"{number}.json").write_text(text)

        results.put(self._orders, folder_name(job.item.name), done, fill)
        return done


class Bad(Quick):
    """Does what the name of the file says."""

    def make(self, ready, ended):
        name = ready.job.item.path.name
        if "crash" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in name:
            time.sleep(600)
        if "once" in name:  # killed from outside, the first time
            mark = ready.job.item.path.with_suffix(".seen")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if "hungry" in name:
            hoard = []
            while True:
                hoard.append(bytearray(os.urandom(2**20)) * 16)
                time.sleep(0.01)
        if "raise" in name:
            raise RuntimeError("boom")
        return super().make(ready, ended)


class Weightless(Quick):
    """Has no models."""

    def load(self) -> None:
        raise WeightsError("The weights are missing; run `vemoclap models download`.")


class Dead(Quick):
    """Dies while its models are loaded."""

    def load(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
