"""The quick tests visit every room, and what is said of files and tests is said of such."""

import ast
from pathlib import Path

import pytest

from tests import pace

HERE = Path(__file__).parent
ROOMS = sorted(path.parent.name for path in (HERE.parent / "vemoclap").glob("*/__init__.py"))
FILES = {path.stem: ast.parse(path.read_text("utf-8")) for path in HERE.glob("test_*.py")}
QUICK = {file for file in FILES if file not in pace.SECONDS}
QUICK |= {name.partition(".py::")[0] for name in pace.QUICK}


def imported(file: str) -> set[str]:
    """Return the names of the modules that a file of tests may have imported."""
    found = set()
    for node in ast.walk(FILES[file]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_quick_tests_visit_every_room(room: str):
    visits = {
        file
        for file in QUICK
        if any(f"{name}.".startswith(f"vemoclap.{room}.") for name in imported(file))
    }
    assert visits


def test_only_what_is_there_is_named():
    assert set(pace.SECONDS) <= set(FILES)
    functions = {
        f"{file}.py::{node.name}"
        for file, tree in FILES.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    assert functions >= pace.QUICK


@pytest.mark.parametrize(
    ("processors", "free_gib", "files", "count"),
    [
        (8, 100, None, 8),
        (8, 10, None, 3),
        (8, 100, 2, 2),
        (8, 100, 1, 0),
        (1, 100, None, 0),
        (8, 2, 9, 0),
    ],
)
def test_workers_have_a_processor_memory_and_a_file_each(
    monkeypatch, processors, free_gib, files, count
):
    class Memory:
        available = free_gib * 2**30

    monkeypatch.setattr(pace, "processors", lambda: processors)
    monkeypatch.setattr("psutil.virtual_memory", Memory)
    assert pace.workers(files) == count
