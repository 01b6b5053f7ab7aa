"""The page of models is the table that the program uses."""

import runpy
from pathlib import Path

from vemoclap.engines.registry import ENGINES
from vemoclap.weights.catalog import ARTEFACTS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_is_what_the_tables_make():
    made = runpy.run_path(str(DOCS / "models.py"))["page"]()
    assert (DOCS / "models.md").read_text("utf-8") == made, "run python docs/models.py"


def test_the_page_names_every_artefact_and_engine():
    text = (DOCS / "models.md").read_text("utf-8")
    assert all(f"| {name} |" in text for name in ARTEFACTS)
    assert all(f"| {name} |" in text for engines in ENGINES.values() for name in engines)
