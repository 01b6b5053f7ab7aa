"""What a face looks like: InceptionResnetV1 of facenet-pytorch, trained on VGGFace2 (MIT).

The published weights are a pickle that the library would open carelessly; here it is opened with
torch's restricted reader and rewritten as safetensors when it is downloaded.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from vemoclap.errors import WeightsError
from vemoclap.weights import cache, checkpoint

if TYPE_CHECKING:
    from torch import nn

NAME = "inception-resnet"
CONVERTED = "vggface2.safetensors"
SIDE = 160  # pixels, of the faces that it was trained on
WIDTH = 32  # channels of the first layer, of which all others have a multiple
DIM = 512  # numbers that the published network makes of a face
_FIRST = "conv2d_1a.conv.weight"
_COUNTER = "num_batches_tracked"
_NAMES_PEOPLE = "logits."  # the last layer, which tells the 8,631 people of VGGFace2 apart


def build(width: int = WIDTH) -> "nn.Module":
    """Return the network with random weights: faces (B, 3, 160, 160) -> (B, 16 width).

    Faces are standardised as (RGB - 127.5) / 128. What it makes of them is not brought to length
    1, as the library does to compare people: its numbers are about as large as those of the other
    backbones.

    Args:
        width: channels of the first layer; fewer than the published 32 are for tests.
    """
    import torch
    from facenet_pytorch import InceptionResnetV1
    from torch import nn

    network: nn.Module
    if width == WIDTH:
        network = InceptionResnetV1()
    else:
        with torch.device("meta"):
            network = InceptionResnetV1()
        _narrow(network, WIDTH // width)
        network.to_empty(device=torch.get_default_device())
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_parameters()
    loose: Any = network
    loose.classify, loose.logits = True, nn.Identity()  # what the library does last but for this
    return network


def load(device: str) -> "nn.Module":
    """Return the published network on ``device``, in full precision and ready to be trained.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    cache.use_offline()
    path = cache.folder(NAME) / CONVERTED
    tensors, metadata = checkpoint.read(path, device)
    width = metadata.get("width")
    if not _is_width(width):
        raise WeightsError(
            f"{path} does not say how wide its network is; run `vemoclap models download {NAME}`."
        )
    with torch.device("meta"):
        network = build(width)
    checkpoint.check(network, tensors, path)
    network.load_state_dict(tensors, assign=True)
    return network


def convert(source: Path, target: Path) -> None:
    """Write the published ``.pt`` at ``source`` as safetensors, without the names of people.

    Raises:
        WeightsError: it is damaged, asks for code to be run, or is not this network.
    """
    import torch

    tensors = checkpoint.read_pickle(source)
    first = tensors.get(_FIRST) if isinstance(tensors, dict) else None
    if not isinstance(first, torch.Tensor) or not _is_width(len(first)):
        raise WeightsError(f"{source} does not hold an InceptionResnetV1; download it again.")
    width = len(first)
    kept = {key: value for key, value in tensors.items() if not key.startswith(_NAMES_PEOPLE)}
    with torch.device("meta"):
        network = build(width)
    for key in network.state_dict():
        if key.endswith(_COUNTER):  # files from before 2018 have none, and nothing needs it
            kept.setdefault(key, torch.tensor(0))
    checkpoint.check(network, kept, source)
    checkpoint.write(target, kept, {"width": width})


def _is_width(width: object) -> TypeGuard[int]:
    return isinstance(width, int) and 2 <= width <= WIDTH and WIDTH % width == 0


def _narrow(network: "nn.Module", divisor: int) -> None:
    """Give every layer of the network, in place, so many times fewer channels."""
    from torch import nn

    for name, module in list(network.named_children()):
        narrow: nn.Module
        if isinstance(module, nn.Conv2d):
            narrow = nn.Conv2d(
                module.in_channels if module.in_channels == 3 else module.in_channels // divisor,
                module.out_channels // divisor,
                module.kernel_size,  # type: ignore[arg-type]
                module.stride,  # type: ignore[arg-type]
                module.padding,  # type: ignore[arg-type]
                bias=module.bias is not None,
                device="meta",
            )
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            narrow = type(module)(
                module.num_features // divisor, module.eps, module.momentum, device="meta"
            )
        elif isinstance(module, nn.Linear):
            shape = module.in_features // divisor, module.out_features // divisor
            narrow = nn.Linear(*shape, bias=module.bias is not None, device="meta")
        else:
            _narrow(module, divisor)
            continue
        setattr(network, name, narrow)
