"""What a test leaves behind is found, named and removed."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests import leftovers

SLEEPS = "import time; time.sleep(600)"
# Its parent ends at once, so nobody's child list has it.
ORPHAN = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {SLEEPS!r}], stdout=subprocess.DEVNULL).pid)
"""


def test_files_and_folders_are_found(temporary_files):
    assert Path(tempfile.gettempdir()) == temporary_files
    Path(tempfile.mkdtemp(prefix="some-")).joinpath("file").touch()
    (temporary_files / "one").touch()
    (temporary_files / "link").symlink_to("nowhere")
    first, second, third = leftovers.cleared(temporary_files)
    assert first == f"file {temporary_files / 'link'}"
    assert second == f"file {temporary_files / 'one'}"
    assert third.startswith(f"folder {temporary_files / 'some-'}")
    assert leftovers.cleared(temporary_files) == []


def test_a_child_and_an_orphan_are_found_and_ended(temporary_files):
    child = subprocess.Popen([sys.executable, "-c", SLEEPS], env={})
    made = subprocess.run([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, check=True)
    pids = {child.pid, int(made.stdout)}
    assert {one.pid for one in leftovers.processes()} == pids
    left = leftovers.cleared(temporary_files, grace_s=0.1)
    assert {int(text.partition(":")[0].removeprefix("process ")) for text in left} == pids
    assert leftovers.processes() == []
    assert leftovers.cleared(temporary_files) == []


def test_what_ends_by_itself_is_waited_for(temporary_files):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"]):
        assert leftovers.cleared(temporary_files) == []


def test_another_folder_is_somebody_elses(temporary_files):
    with leftovers.own_folder() as folder:
        assert Path(tempfile.gettempdir()) == folder != temporary_files
    assert not folder.exists()
    assert Path(tempfile.gettempdir()) == temporary_files
