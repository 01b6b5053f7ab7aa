"""Files of our own: whole or not there, and one place that knows how."""

import ast
import contextlib
import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from tests.test_import_rules import INSIDE
from vemoclap import files
from vemoclap.errors import DataError, UsageError

OURS = {"fsync", "fdatasync", "mkstemp", "FileLock", "disk_usage", "strerror"}


def test_only_one_module_knows_how_files_are_written():
    users = {}
    for name, path in INSIDE.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and (
                node.attr in OURS
                or (node.attr == "replace" and ast.unparse(node.value) in ("os", "part"))
            ):
                users.setdefault(name, set()).add(node.attr)
            elif isinstance(node, ast.ImportFrom | ast.Import):
                taken = {one.name for one in node.names} & OURS
                users.setdefault(name, set()).update(taken) if taken else None
            elif isinstance(node, ast.Constant) and str(node.value) in OURS:
                users.setdefault(name, set()).add(str(node.value))  # getattr(error, "strerror")
    assert users.keys() == {"files"}
    assert users["files"] >= {"fsync", "replace", "FileLock", "disk_usage", "strerror"}


@pytest.mark.parametrize("content", ["text, ü", b"bytes"])
def test_a_file_is_whole_or_not_there(tmp_path: Path, content: str | bytes):
    target = tmp_path / "new" / "file"
    files.write_atomically(target, content)
    assert target.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    with contextlib.suppress(ZeroDivisionError), files.whole_file(target) as part:
        part.write_text("half")
        assert part.name == f"file.{os.getpid()}.part"
        raise ZeroDivisionError
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    assert target.read_bytes() != b"half"


def test_file_and_folder_reach_the_disk_before_and_after_the_name(tmp_path: Path, monkeypatch):
    happened = []
    replace = Path.replace

    def sync(handle: int) -> None:
        happened.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    def rename(part: Path, target: Path) -> Path:
        happened.append("named")
        return replace(part, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    files.write_atomically(tmp_path / "file", "x")
    assert happened == [f"file.{os.getpid()}.part", "named", tmp_path.name]


def test_several_files_take_their_places_only_together(tmp_path: Path, monkeypatch):
    (tmp_path / "a").write_text("old")
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith("b"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Exception, match="No space left on device"):
        files.write_all({"a": b"new", "b": b"new"}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_line_that_was_cut_short_stays_apart(tmp_path: Path):
    log = tmp_path / "log"
    files.append_line(log, b"one")
    log.write_bytes(log.read_bytes() + b"cut")
    files.append_line(log, b"two")
    files.append_line(log, b"three")
    assert log.read_bytes() == b"one\ncut\ntwo\nthree\n"


def test_the_system_s_words_are_found_behind_another_error(tmp_path: Path):
    refusal = OSError(errno.ENOSPC, "No space left on device")
    behind = DataError("something")
    behind.__cause__ = refusal
    assert files.os_error(behind) is refusal
    assert files.reason(behind) == "No space left on device"
    assert files.reason(ValueError("why")) == "why"
    assert files.reason(ValueError()) == "ValueError"
    with (
        pytest.raises(UsageError) as caught,
        files.explain_os_errors(tmp_path, "cannot be used", "choose another", UsageError),
    ):
        (tmp_path / "nothing").read_text()
    assert (
        str(caught.value)
        == f"{tmp_path} cannot be used (No such file or directory); choose another."
    )
    with (
        pytest.raises(DataError, match="nothing cannot be used"),
        files.explain_os_errors(tmp_path, "cannot be used", "choose another", inside=True),
    ):
        (tmp_path / "nothing").read_text()


def _hold(path: Path, held, go) -> None:
    with files.exclusive_lock(path):
        held.set()
        go.wait(60)


def test_a_lock_is_waited_for_or_refused(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    held, go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "lock", held, go))
    other.start()
    assert held.wait(60)

    def refuse() -> None:
        raise UsageError("busy")

    with pytest.raises(UsageError), files.exclusive_lock(tmp_path / "lock", refuse):
        pass
    heard = []

    def waiting() -> None:
        heard.append("waiting")
        go.set()

    with files.exclusive_lock(tmp_path / "lock", waiting):
        assert heard == ["waiting"]
    other.join(60)


def test_room_is_asked_of_the_disk_that_would_hold_a_folder(tmp_path: Path):
    far = tmp_path / "not" / "yet"
    assert files.free_space(far) == pytest.approx(files.free_space(tmp_path), rel=0.1)


def test_a_fingerprint_does_not_hang_on_the_order_of_keys():
    one = files.fingerprint({"a": 1, "b": [1, 2]})
    assert one == files.fingerprint({"b": [1, 2], "a": 1})
    assert one != files.fingerprint({"a": 1, "b": [2, 1]})
