"""How much memory is free, as far as this process may use it."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# Where Linux tells a process which groups it is in, and what each group may use.
# https://docs.kernel.org/admin-guide/cgroup-v2.html, .../cgroup-v1/memory.html
MEMBERSHIP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def free_bytes(device: str, membership: Path = MEMBERSHIP, groups: Path = GROUPS) -> int:
    """Return how many more bytes this process can use on ``device``; never below zero.

    On a GPU that is what the driver has left and what torch holds without using it. Elsewhere it
    is what the machine has left, or the process's container, if that is less.

    Args:
        device: "cpu", "cuda" or "cuda:1".
        membership: the file that names the process's control groups.
        groups: the folder where control groups are mounted.
    """
    if device.startswith("cuda"):
        return _free_on_gpu(device)
    import psutil

    left = [int(psutil.virtual_memory().available)]
    for folder in _groups_of_this_process(membership, groups):
        left += _left_in(folder, "memory.max", "memory.current", "inactive_file")
        left += _left_in(
            folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        )
    return max(min(left), 0)


def _free_on_gpu(device: str) -> int:
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    # Memory of freed tensors stays with torch, which uses it again for new ones.
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + kept


def _groups_of_this_process(membership: Path, groups: Path) -> Iterator[Path]:
    """Yield the folders of the process's control groups for memory and of all groups above them.

    A folder need not exist: inside a container the names may be those that its host uses, and
    then the container's own limit lies in the topmost folder.
    """
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if number == "0":  # version 2, whose single tree may lie beside the trees of version 1
            tops = [groups, groups / "unified"]
        elif "memory" in controllers.split(","):
            tops = [groups / "memory"]
        else:
            continue
        path = PurePosixPath(name.lstrip("/"))
        yield from (top / part for top in tops for part in (path, *path.parents))


def _left_in(folder: Path, limit: str, used: str, cache: str) -> list[int]:
    """Return what one control group leaves: one number, or none where it has no limit."""
    try:
        most = (folder / limit).read_text("ascii").strip()
        taken = int((folder / used).read_text("ascii"))
        statistics = (folder / "memory.stat").read_text("ascii").splitlines()
    except OSError:
        return []
    if most == "max":
        return []
    # Copies of files, which the system drops as soon as it needs their room, count as used.
    dropped = sum(int(line.split()[1]) for line in statistics if line.split()[0] == cache)
    return [int(most) - taken + dropped]
