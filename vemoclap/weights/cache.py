"""Where downloaded weights lie on this machine, and whether they are complete.

Nothing here touches the network. Everything lies under one folder, ``$VEMOCLAP_HOME`` or
``~/.cache/vemoclap``: ``weights/NAME/`` holds the files of the artefact NAME under their published
names, and what third-party libraries write goes beside it.
"""

import os
from pathlib import Path

from vemoclap.errors import WeightsError
from vemoclap.weights import lockfile
from vemoclap.weights.catalog import ARTEFACTS, Artefact, stored


def home() -> Path:
    """Return the folder of all that vemoclap keeps between runs; it need not exist."""
    chosen = os.environ.get("VEMOCLAP_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "vemoclap"


def place(artefact: str) -> Path:
    """Return where the files of an artefact belong, whether or not they are there."""
    return home() / "weights" / row(artefact).name


def missing(artefact: str) -> tuple[str, ...]:
    """Return the names of the files of an artefact that are not here.

    Of a pickle that was converted, only the converted file is needed.
    """
    wanted, folder = row(artefact), place(artefact)
    if wanted.converted is not None:
        return () if (folder / wanted.converted).is_file() else (wanted.converted,)
    return tuple(
        " or ".join(names)
        for names in wanted.files
        if not any((folder / stored(name)).is_file() for name in names)
    )


def folder(artefact: str) -> Path:
    """Return the folder of a complete artefact.

    Raises:
        WeightsError: files are missing; the message names them.
    """
    lacking = missing(artefact)
    if lacking:
        raise WeightsError(
            f"The weights {artefact!r} are not complete: {', '.join(lacking)} should be in "
            f"{place(artefact)}; run `vemoclap models download {artefact}`."
        )
    return place(artefact)


def lock_path() -> Path:
    """Return where it is recorded what was downloaded; see ``lockfile``."""
    return home() / "weights" / "lock.json"


def revision(artefact: str) -> str:
    """Return the commit that the files here came from, as far as it is known.

    Raises:
        WeightsError: the lock file is damaged.
    """
    wanted = row(artefact)
    entry = lockfile.read(lock_path()).get(artefact)
    return (entry and entry.revision) or wanted.revision


def use_offline() -> None:
    """Keep model libraries off the network and inside ``home``; call before importing them."""
    yolo = home() / "ultralytics"
    yolo.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        HF_HOME=str(home() / "huggingface"),
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        TORCHINDUCTOR_CACHE_DIR=str(home() / "torchinductor"),  # else in the system's /tmp
        YOLO_CONFIG_DIR=str(yolo),
        YOLO_OFFLINE="true",
        YOLO_AUTOINSTALL="false",
        ULTRALYTICS_SAFE_LOAD="true",  # by default a malicious .pt runs its code
    )


def row(artefact: str) -> Artefact:
    """Return what the table says of an artefact.

    Raises:
        WeightsError: it is not in the table.
    """
    try:
        return ARTEFACTS[artefact]
    except KeyError:
        raise WeightsError(
            f"There are no weights {artefact!r}; there are {', '.join(ARTEFACTS)}."
        ) from None
