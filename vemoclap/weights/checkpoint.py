"""Files of tensors, read without ever running code from them.

Published ``.pt`` files are pickles, which can run anything when they are opened carelessly. They
are opened once, with torch's restricted reader, and rewritten as safetensors whose metadata hold
the model's configuration; from then on only those are read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from vemoclap import files
from vemoclap.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn


def read_pickle(path: Path) -> Any:
    """Return the tensors and plain values of a published ``.pt`` file, on the CPU.

    Raises:
        WeightsError: the file is damaged, or asks for code to be run.
    """
    import torch

    try:
        # Files of today's format stay on the disk until each tensor is used.
        mapped = is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises a dozen types, all of which mean the same here
        # Without torch's words, which go on to say how to have the code run all the same.
        raise WeightsError(
            f"{path} was not opened, since it is damaged or asks for code to be run "
            f"({type(error).__name__}); delete it and download it again."
        ) from error


def write(path: Path, tensors: Mapping[str, "Tensor"], metadata: Mapping[str, Any]) -> None:
    """Write ``tensors`` as safetensors; each value of ``metadata`` is kept as JSON.

    The file appears under its name only once it is whole.
    """
    from safetensors.torch import save_file

    # Copies, because tensors of a pickle may share memory, which the format cannot say.
    own = {key: tensor.detach().cpu().clone().contiguous() for key, tensor in tensors.items()}
    with files.whole_file(path) as part:
        save_file(own, part, {key: json.dumps(value) for key, value in metadata.items()})


def read(path: Path, device: str) -> tuple[dict[str, "Tensor"], dict[str, Any]]:
    """Return the tensors of a safetensors file, on ``device``, and its metadata.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device=device) as file:
            metadata = {key: json.loads(text) for key, text in (file.metadata() or {}).items()}
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read as safetensors ({error}); download it again."
        ) from error


def check(model: "nn.Module", tensors: Mapping[str, "Tensor"], path: Path) -> None:
    """Raise unless ``tensors`` are exactly those of ``model``, by name and shape.

    Raises:
        WeightsError: one is missing, unexpected or of another shape; it is named.
    """
    wanted = model.state_dict()
    faults = [f"{key} is missing" for key in wanted if key not in tensors]
    faults += [f"{key} is unexpected" for key in tensors if key not in wanted]
    faults += [
        f"{key} has shape {tuple(tensors[key].shape)} and not {tuple(wanted[key].shape)}"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more faults" if len(faults) > 3 else ""
        raise WeightsError(
            f"{path} does not hold this model: {', '.join(faults[:3])}{more}; download it again."
        )
