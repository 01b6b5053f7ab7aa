"""Which tests are quick, in which order files are taken, and how many workers take them.

This is the one place that decides what ``pytest -m quick`` runs: all files but those of ``SECONDS``
and tests marked slow, and a few of those, so that every room of the house is visited.
"""

import os

import psutil
import pytest

WORKER_BYTES = 3 * 2**30  # what a process needs that has loaded every library


def workers(files: int | None = None) -> int:
    """Return how many processes share some files of tests; 0 for none but pytest's own."""
    room = psutil.virtual_memory().available // WORKER_BYTES
    count = min(processors(), room, processors() if files is None else files)
    return count if count > 1 else 0


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_processors() -> None:
    """Have libraries of one of several workers, and what it starts, use its share of threads.

    With more threads than processors those of OpenMP wait for each other most of the time.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if count > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, processors() // count)))


def seconds(file: str) -> float:
    """Return about how long a file of tests takes."""
    return SECONDS.get(file, 0)


def is_quick(item: pytest.Item) -> bool:
    """Return whether a test is of the quick ones."""
    name = item.nodeid.rpartition("/")[2].partition("[")[0]
    return name in QUICK or not (item.path.stem in SECONDS or item.get_closest_marker("slow"))


# About how long a file takes on one processor of 2026, in seconds.
SECONDS = {
    "test_quiet": 125,
    "test_setup": 93,
    "test_paper_end_to_end": 65,
    "test_batch_cluster": 62,
    "test_batch_kills": 60,
    "test_batch_many": 59,
    "test_timeline_run": 56,
    "test_app_browser": 46,
    "test_mer_train": 45,
    "test_notebook": 44,
    "test_media_conformance": 41,
    "test_app_timeline_browser": 38,
    "test_app_page": 35,
    "test_end_to_end": 30,
    "test_experiment": 30,
    "test_residents": 26,
    "test_miniatures": 24,
    "test_wheel": 23,
    "test_timeline_memory": 21,
    "test_media": 21,
    "test_timeline_paper": 21,
    "test_timeline_resume": 19,
    "test_batch_crew": 15,
    "test_nllb": 15,
    "test_whisper": 14,
    "test_engines": 14,
    "test_train": 14,
    "test_samples": 12,
    "test_yolo_face": 11,
    "test_batch_run": 11,
    "test_app_steps": 10,
    "test_embedded_engines": 8,
    "test_timeline_in_chromium": 8,
    "test_t5_spell": 7,
    "test_mer_data": 7,
    "test_timeline_report_page": 6,
    "test_report_hostile": 6,
    "test_hub": 6,
    "test_ekman6_collection": 5,
    "test_batch_command": 5,
    "test_evaluate": 5,
    "test_engines_with_real_weights": 5,
    "test_report_in_chromium": 4,
    "test_leftovers": 4,
}
# Of those files, what a room would be missed without.
QUICK = {
    "test_app_steps.py::test_the_results_hold_everything",
    "test_batch_crew.py::test_a_crash_is_charged_to_its_video_alone",
    "test_batch_run.py::test_features_go_into_one_store",
    "test_timeline_run.py::test_a_video_of_any_length_without_sound",
    "test_train.py::test_a_planted_modality_is_learnt_in_sixteen_bits",
}
