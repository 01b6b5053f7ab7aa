"""The command ``vemoclap models``: what the presets need, fetched and checked."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vemoclap.cli import console
from vemoclap.errors import UsageError

if TYPE_CHECKING:
    from vemoclap.records import Progress
    from vemoclap.weights.catalog import Artefact

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
SOMETHING_WRONG = 1  # what `verify` found
NOT_ALL_CAME = 2


def add_to(commands: "Commands") -> None:
    """Add the command and its three parts to the parser of ``vemoclap``."""
    models = commands.add_parser(
        "models",
        help="list, download and verify the models of the presets",
        description="List, download and verify the models of the presets.",
    )
    parts = models.add_subparsers(dest="part", required=True, metavar="COMMAND")
    listing = parts.add_parser(
        "list", help="what fills each role of each preset, and whether it is here"
    )
    listing.add_argument("--json", action="store_true", help="print JSON and nothing else")
    listing.set_defaults(run=_list)
    fetching = parts.add_parser(
        "download",
        help="bring models here",
        description="Bring models here. What is complete is skipped, what was cut is resumed.",
        epilog=f"Engines: {_engines_to_fetch()}. "
        "Exit code: 0 all here, 2 something could not be had.",
    )
    fetching.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="paper (the default), fast, or engines as `vemoclap models list` names them",
    )
    fetching.add_argument(
        "--renew",
        action="store_true",
        help="bring the named ones again, and accept what their publishers changed",
    )
    fetching.set_defaults(run=_download)
    checking = parts.add_parser(
        "verify",
        help="compare what is here with what was published and downloaded",
        description="Compare every file here with its published hash and that of its download.",
        epilog="Exit code: 0 all fine, 1 something is wrong, 2 it could not be found out.",
    )
    checking.set_defaults(run=_verify)


def _engines_to_fetch() -> str:
    from vemoclap.weights.catalog import ARTEFACTS, of_engine

    engines = dict.fromkeys(artefact.engine for artefact in ARTEFACTS.values())
    sizes = {engine: sum(row.size_mb for row in of_engine(engine)) for engine in engines}
    return ", ".join(f"{engine} ({size} MB)" for engine, size in sizes.items())


# -- list -------------------------------------------------------------------------------------


def _list(parsed: argparse.Namespace) -> int:
    from vemoclap import files
    from vemoclap.weights import cache

    with files.explain_home_errors(cache.home()):
        presets = _presets()
    if parsed.json:
        console.answer(json.dumps({"home": str(cache.home()), "presets": presets}, indent=2))
        return ALL_FINE
    for preset in presets:
        console.say(f"{_table(preset)}\n")
    console.say(f"Downloads lie in {cache.home() / 'weights'}.")
    return ALL_FINE


def _presets() -> list[dict[str, Any]]:
    from vemoclap.engines import roles
    from vemoclap.weights import cache

    found = []
    for preset in roles.PRESETS.values():
        rows = _artefacts_of(preset.name)
        lacking = [row for row in rows if cache.missing(row.name)]
        engines = {role: roles.engine_of(preset, role) for role in roles.ROLES}
        found.append(
            {
                "preset": preset.name,
                "present": not lacking,
                "size_mb": sum(row.size_mb for row in rows),
                "missing_mb": sum(row.size_mb for row in lacking),
                "roles": [_role(role, engine) for role, engine in engines.items()],
            }
        )
    return found


def _role(role: str, engine: str | None) -> dict[str, Any]:
    from vemoclap.engines.registry import ENGINES
    from vemoclap.weights import cache, catalog

    rows = catalog.of_engine(engine) if engine else ()
    licences = list(dict.fromkeys(row.licence for row in rows))
    if engine and not rows and engine in ENGINES[role]:
        licences = [ENGINES[role][engine].licence]
    return {
        "role": role,
        "engine": engine,
        "licences": licences,
        "commercial": all(row.commercial for row in rows),
        "size_mb": sum(row.size_mb for row in rows),
        "present": not any(cache.missing(row.name) for row in rows),
        "downloads": [
            {
                "name": row.name,
                "place": row.place,
                "revision": cache.revision(row.name),
                "size_mb": row.size_mb,
                "licence": row.licence,
                "commercial": row.commercial,
                "citation": row.citation,
                "missing": list(cache.missing(row.name)),
            }
            for row in rows
        ],
    }


def _table(preset: dict[str, Any]) -> str:
    """Return the table of one preset, which fits into 80 columns."""
    lines = [("role", "engine", "licence", "size", "here")]
    for role in preset["roles"]:
        licence = ", ".join(role["licences"]) + ("" if role["commercial"] else " *")
        if role["engine"] is None:
            lines.append((role["role"], "-", "", "", "left out"))
        elif not role["downloads"]:
            lines.append((role["role"], role["engine"], licence, "", "with the program"))
        else:
            lines.append(
                (role["role"], role["engine"], licence, _size(role["size_mb"]), _state(role))
            )
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    text = [preset["preset"]]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        cells[3] = line[3].rjust(widths[3])
        text.append(f"  {'  '.join([*cells, line[4]])}".rstrip())
    if any(not role["commercial"] for role in preset["roles"]):
        text.append("  * Its licence forbids commercial use.")
    if preset["missing_mb"]:
        text.append(
            f"  {_size(preset['missing_mb'])} still to download: "
            f"vemoclap models download {preset['preset']}"
        )
    else:
        text.append("  All of it is here.")
    return "\n".join(text)


def _state(role: dict[str, Any]) -> str:
    if role["present"]:
        return "yes"
    return "no" if all(one["missing"] for one in role["downloads"]) else "in part"


# -- download ---------------------------------------------------------------------------------


def _download(parsed: argparse.Namespace) -> int:
    from vemoclap import files
    from vemoclap.weights import cache, download

    if parsed.renew and not parsed.names:
        raise UsageError("--renew takes the names of the engines to bring again.")
    rows = _named(parsed.names or ["paper"])
    with files.explain_home_errors(cache.home()):
        wanted = [row for row in rows if parsed.renew or cache.missing(row.name)]
    for row in rows:
        if row not in wanted:
            console.say(f"{row.name}: already here")
    if not wanted:
        console.say("Nothing to download.")
        return ALL_FINE
    for row in wanted:
        console.say(f"{row.name}: {_size(row.size_mb)}, licence {row.licence}, from {row.place}")
    for row in wanted:
        if not row.commercial:
            console.say(
                f"Mind that the licence of {row.name} ({row.licence}) forbids commercial use."
            )
    total = sum(row.size_mb for row in wanted)
    console.say(f"{_size(total)} to download into {cache.home() / 'weights'}.")
    with _bars([row.name for row in wanted]) as progress_of:
        failures = download.fetch_all([row.name for row in wanted], progress_of, renew=parsed.renew)
    for name, error in failures.items():
        console.complain(f"{name}: {error}")
    if failures:
        console.complain(f"{len(failures)} of {len(wanted)} could not be downloaded.")
        return NOT_ALL_CAME
    console.say("All of it is here.")
    return ALL_FINE


def _named(names: Sequence[str]) -> list["Artefact"]:
    """Return the artefacts of presets, engines and artefacts, each once, in the table's order."""
    from vemoclap.engines import roles
    from vemoclap.engines.registry import ENGINES
    from vemoclap.weights import catalog

    chosen: set[str] = set()
    engines = {engine for table in ENGINES.values() for engine in table}
    for name in names:
        if name in roles.PRESETS:
            rows = _artefacts_of(name)
        elif found := catalog.of_engine(name):
            rows = list(found)
        elif name in catalog.ARTEFACTS:
            rows = [catalog.ARTEFACTS[name]]
        elif name in engines:
            rows = []  # it comes with the program
        else:
            known = dict.fromkeys(row.engine for row in catalog.ARTEFACTS.values())
            raise UsageError(
                f"There is nothing called {name!r} to download; choose "
                f"{', '.join((*roles.PRESETS, *known))}."
            )
        chosen |= {row.name for row in rows}
    return [row for row in catalog.ARTEFACTS.values() if row.name in chosen]


def _artefacts_of(preset: str) -> list["Artefact"]:
    """Return what a preset needs, each once."""
    from vemoclap.engines import roles
    from vemoclap.weights import catalog

    engines = {roles.engine_of(roles.PRESETS[preset], role) for role in roles.ROLES}
    return [row for row in catalog.ARTEFACTS.values() if row.engine in engines]


# -- verify -----------------------------------------------------------------------------------


def _verify(parsed: argparse.Namespace) -> int:
    from vemoclap.weights import cache
    from vemoclap.weights.catalog import ARTEFACTS
    from vemoclap.weights.verify import Verdict, verify

    with _bars(list(ARTEFACTS)) as progress_of:
        findings = verify(ARTEFACTS, progress_of)
    if not findings:
        console.say(f"No models are in {cache.home()}; run `vemoclap models download`.")
        return ALL_FINE
    by_verdict = {one: [f for f in findings if f.verdict is one] for one in Verdict}
    for finding in (*by_verdict[Verdict.UNKNOWN], *by_verdict[Verdict.WRONG]):
        console.say(f"{finding.artefact}: {finding.reason}")
    whole = {f.artefact for f in findings} - {f.artefact for f in by_verdict[Verdict.WRONG]}
    console.say(
        f"Files as they should be: {len(by_verdict[Verdict.GOOD])}; "
        f"without anything to compare with: {len(by_verdict[Verdict.UNKNOWN])}; "
        f"wrong: {len(by_verdict[Verdict.WRONG])}.\n"
        f"Models to be used: {', '.join(sorted(whole)) or 'none'}."
    )
    return SOMETHING_WRONG if by_verdict[Verdict.WRONG] else ALL_FINE


# -- progress ---------------------------------------------------------------------------------


@contextmanager
def _bars(names: Sequence[str]) -> Iterator[Callable[[str], "Progress"]]:
    """Give what makes the progress of one artefact seen: a bar, or lines where none can be."""
    if not console.watched():
        yield _lines
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn(f"{{task.description:{max(map(len, names), default=0)}}}"),
        rich_progress.BarColumn(bar_width=12),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TextColumn("{task.fields[doing]}"),
    )
    with console.bars(*columns) as bars:

        def progress_of(name: str) -> "Progress":
            task: rich_progress.TaskID | None = None

            def show(stage: str, done: int, total: int) -> None:
                nonlocal task
                if task is None:
                    task = bars.add_task(name, doing="")
                bars.update(task, completed=done, total=total, doing=stage)

            return show

        yield progress_of


def _lines(name: str) -> "Progress":
    last = ""

    def show(stage: str, done: int, total: int) -> None:
        nonlocal last
        if stage != last:
            console.complain(f"{name}: {stage}")
        last = stage

    return show


def _size(megabytes: float) -> str:
    from vemoclap.files import amount

    return amount(megabytes * 10**6)
