"""The 16-bit types in which a device multiplies matrices faster than in 32."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def of_gpu(device: str) -> "torch.dtype | None":
    """Return the 16-bit type in which a GPU computes faster, None on a CPU."""
    import torch

    if not device.startswith("cuda"):
        return None
    real = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if real else torch.float16


@cache
def of_cpu() -> "torch.dtype | None":
    """Return bfloat16 where the processor has instructions for its products, else None."""
    import torch

    read = getattr(torch.cpu, "get_capabilities", None)  # not in torch 2.6
    found = read() if read else {}
    real = found.get("avx512_bf16", False) or found.get("amx_bf16", False)
    return torch.bfloat16 if real else None
