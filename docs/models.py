"""Writes docs/models.md from the tables of the program: python docs/models.py"""

from pathlib import Path

from vemoclap.engines import roles
from vemoclap.engines.registry import ENGINES
from vemoclap.weights.catalog import ARTEFACTS, Artefact

PAGE = Path(__file__).with_name("models.md")
HEAD = """# Models

Made by `python docs/models.py` from `weights/catalog.py` and `engines/registry.py`.

## What is downloaded

`vemoclap models download` fetches these; nothing else does.
"""
FOOT = """
¹ Commercial use is forbidden by this licence.

## What fills each role

Any engine of a role can be chosen with `--role ROLE=ENGINE`; `none` leaves the role empty. Memory
is about what the loaded model takes, in GB on a CPU and on a GPU; nothing is given where it is
little.
"""


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """Return the whole page."""
    return "\n".join((HEAD, _table(_downloads()), FOOT, _table(_engines()), ""))


def _downloads() -> list[tuple[str, ...]]:
    rows = [("what", "engine", "place", "revision", "files", "MB", "licence", "cite")]
    for artefact in ARTEFACTS.values():
        files = ", ".join(" or ".join(names) for names in artefact.files)
        licence = artefact.licence + ("" if artefact.commercial else " ¹")
        rows.append(
            (
                artefact.name,
                artefact.engine,
                _link(artefact),
                artefact.revision[:12],
                files,
                str(artefact.size_mb),
                licence,
                artefact.citation,
            )
        )
    return rows


def _link(artefact: Artefact) -> str:
    if artefact.on_hugging_face:
        return f"[{artefact.place}](https://huggingface.co/{artefact.place})"
    return f"[{artefact.place.removeprefix('https://')}]({artefact.place})"


def _engines() -> list[tuple[str, ...]]:
    rows = [("role", "engine", "what", "licence", "memory", *roles.PRESETS)]
    for role, engines in ENGINES.items():
        for name, entry in engines.items():
            memory = " / ".join(f"{mb / 1000:.2f}" for mb in entry.memory_mb if mb)
            uses = [
                "yes" if roles.engine_of(preset, role) == name else ""
                for preset in roles.PRESETS.values()
            ]
            rows.append((role, name, entry.what, entry.licence, memory, *uses))
    return rows


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join((head, "|" + "---|" * len(rows[0]), *body))


if __name__ == "__main__":
    main()
