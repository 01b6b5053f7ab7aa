"""Free memory is what the machine, the container or the GPU has left, whichever is least."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from vemoclap.engines.memory import free_bytes

GIB = 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine have 8 GiB available."""
    available = SimpleNamespace(available=8 * GIB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: available)


def group(folder: Path, version: int, limit: object, used: int, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    others = "inactive_file 12345\n" if version == 1 else "active_file 12345\n"
    (folder / "memory.stat").write_text(f"anon 99\n{others}{names[2]} {cache}\n")


def free(tmp_path: Path, membership: str) -> int:
    (tmp_path / "membership").write_text(membership)
    return free_bytes("cpu", tmp_path / "membership", tmp_path / "groups")


def test_without_control_groups_it_is_what_the_machine_has_left(tmp_path: Path):
    assert free_bytes("cpu", tmp_path / "none", tmp_path) == 8 * GIB
    assert free(tmp_path, "0::/\n") == 8 * GIB


@pytest.mark.parametrize(
    ("version", "membership", "folder"),
    [
        (2, "0::/\n", ""),
        (2, "0::/user.slice/job\n", "user.slice/job"),
        (2, "0::/user.slice/job\n", "user.slice"),  # a limit further up binds, too
        (2, "1:name=systemd:/\n0::/job\n", "unified/job"),
        (2, "0::/docker/abc\n", ""),  # the name on the host, unknown inside the container
        (1, "4:memory:/job\n0::/\n", "memory/job"),
        (1, "7:cpu:/other\n4:blkio,memory:/job/step\n", "memory/job"),
        (1, "4:memory:/docker/abc\n", "memory"),
    ],
)
def test_a_containers_limit_binds(version: int, membership: str, folder: str, tmp_path: Path):
    group(tmp_path / "groups" / folder, version, 4 * GIB, used=3 * GIB, cache=GIB // 2)
    assert free(tmp_path, membership) == GIB + GIB // 2


def test_the_least_of_several_limits_counts(tmp_path: Path):
    group(tmp_path / "groups/a", 2, 6 * GIB, used=GIB)
    group(tmp_path / "groups/a/b", 2, 3 * GIB, used=GIB)
    assert free(tmp_path, "0::/a/b\n") == 2 * GIB
    group(tmp_path / "groups/a/b", 2, 30 * GIB, used=GIB)
    assert free(tmp_path, "0::/a/b\n") == 5 * GIB
    group(tmp_path / "groups/a", 2, 60 * GIB, used=GIB)
    assert free(tmp_path, "0::/a/b\n") == 8 * GIB


@pytest.mark.parametrize(("version", "unlimited"), [(2, "max"), (1, 9223372036854771712)])
def test_a_group_without_limit_leaves_all(version: int, unlimited: object, tmp_path: Path):
    membership, folder = ("0::/\n", "groups") if version == 2 else ("4:memory:/\n", "groups/memory")
    group(tmp_path / folder, version, unlimited, used=GIB)
    assert free(tmp_path, membership) == 8 * GIB


def test_groups_of_other_processes_and_other_resources_do_not_count(tmp_path: Path):
    group(tmp_path / "groups/memory/other", 1, GIB, used=0)
    group(tmp_path / "groups/memory/job", 1, GIB, used=0)
    assert free(tmp_path, "3:cpuset:/job\n4:memory:/mine\n") == 8 * GIB


def test_it_is_never_below_zero(tmp_path: Path):
    group(tmp_path / "groups", 2, GIB, used=2 * GIB)
    assert free(tmp_path, "0::/\n") == 0


def test_on_a_gpu_it_is_what_the_driver_has_left_and_torch_holds_unused(
    monkeypatch: pytest.MonkeyPatch,
):
    asked = []

    def tell(answer: object):
        return lambda device: asked.append(device) or answer

    monkeypatch.setattr("torch.cuda.mem_get_info", tell((3 * GIB, 16 * GIB)))
    monkeypatch.setattr("torch.cuda.memory_reserved", tell(5 * GIB))
    monkeypatch.setattr("torch.cuda.memory_allocated", tell(4 * GIB))
    assert free_bytes("cuda:1") == 4 * GIB
    assert asked == ["cuda:1"] * 3


@pytest.mark.gpu
def test_on_a_real_gpu_memory_that_torch_keeps_is_free():
    import torch

    before = free_bytes("cuda")
    block = torch.empty(GIB, dtype=torch.uint8, device="cuda")
    assert before - free_bytes("cuda") == pytest.approx(GIB, abs=GIB // 8)
    del block
    assert free_bytes("cuda") == pytest.approx(before, abs=GIB // 8)
    assert torch.cuda.memory_reserved("cuda") >= GIB
