"""Orders for workers, stamped with everything that would change a result."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from vemoclap import files
from vemoclap.batch.records import Item, Orders, What
from vemoclap.engines import roles
from vemoclap.errors import UsageError
from vemoclap.media.clip import Limits
from vemoclap.timeline.spans import Options
from vemoclap.version import __version__

LAYOUT = 1  # of what a batch writes; results of another layout are made again
LENGTH = 32  # hexadecimal digits


def orders(
    out: Path,
    *,
    what: What,
    preset: str,
    overrides: Mapping[str, str],
    checkpoint: Path | None,
    frame_count: int,
    timeline: Options | None = None,
    device: str,
    limits: Limits,
    runner: str,
    share: tuple[int, int] | None = None,
) -> Orders:
    """Return the orders for a batch.

    The stamp holds what is made, every engine with its version and the revision of its weights,
    the number of frames, the checkpoint's hash and the version of vemoclap. The device is not in
    it: results on a GPU and on a CPU agree within the precision of their numbers.

    Raises:
        UsageError: there is no such preset, role or engine.
        WeightsError: the preset needs what this installation lacks.
    """
    if checkpoint is not None:  # it fills the role of emotion, whatever the preset
        if "emotion" in overrides:
            raise UsageError("Give a checkpoint or an engine for emotion, not both.")
        overrides = {**overrides, "emotion": "none"}
    chosen = roles.choose(preset, overrides)
    judge = None
    if checkpoint is not None:
        from vemoclap.classifier import model

        file = checkpoint / model.FILE
        if not file.is_file():
            raise UsageError(f"{checkpoint} holds no checkpoint; name a folder with {file.name}.")
        judge = files.digest(file).sha256
    said = {
        "layout": LAYOUT,
        "version": __version__,
        "what": what.value,
        "engines": [asdict(use) for use in roles.describe(chosen)],
        "frames": frame_count,
        "timeline": timeline and asdict(timeline),
        "checkpoint": judge,
    }
    filled = ((role, roles.engine_of(chosen, role)) for role in roles.ROLES)
    engines = tuple((role, engine) for role, engine in filled if engine is not None)
    absolute = out.absolute()
    name = f".work-{share[0]}-of-{share[1]}" if share else ".work"
    return Orders(
        what=what,
        preset=chosen,
        checkpoint=checkpoint and checkpoint.absolute(),
        frame_count=frame_count,
        timeline=timeline,
        device=device,
        max_duration_s=limits.max_duration_s,
        max_bytes=limits.max_bytes,
        out=absolute,
        scratch=absolute / name,
        stamp=files.fingerprint(said)[:LENGTH],
        engines=engines if judge is None else (*engines, ("emotion", f"checkpoint {judge[:12]}")),
        runner=runner,
    )


def key(given: Orders, item: Item) -> str:
    """Return what must be the same for a result of an item to count as done."""
    if given.what is not What.FEATURES:
        return given.stamp
    # The store holds them with the features.
    return files.fingerprint([given.stamp, item.label, item.split])[:LENGTH]
