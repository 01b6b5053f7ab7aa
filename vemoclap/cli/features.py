"""The command ``vemoclap features``: collections of videos and what was extracted from them."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.cli import console
from vemoclap.errors import DataError, UsageError

if TYPE_CHECKING:
    from vemoclap.training.collection import Index
    from vemoclap.training.records import Split, Store
    from vemoclap.training.statistics import Description

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ALL_FINE = 0
SHOWN = 20  # troubles, before the rest is only counted


def add_to(commands: "Commands") -> None:
    """Add the command and its parts to the parser of ``vemoclap``."""
    features = commands.add_parser(
        "features",
        help="import, describe and export collections of features",
        description="Import, describe and export collections of features, such as Ekman-6.",
    )
    parts = features.add_subparsers(dest="part", required=True, metavar="COMMAND")
    importing = parts.add_parser(
        "import",
        help="turn the features that the paper's authors released into a store",
        description="Turn a released features.pkl into a store. Nothing in the file is run.",
    )
    importing.add_argument("file", type=Path, metavar="FILE", help="features.pkl")
    importing.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new store")
    _add_lists(importing)
    importing.set_defaults(run=_import)
    describing = parts.add_parser("describe", help="what a store holds, in numbers")
    describing.add_argument("folder", type=Path, metavar="DIR", help="a store")
    describing.add_argument(
        "--blacklist", type=Path, metavar="FILE", help="show it before and after this list"
    )
    describing.add_argument("--json", action="store_true", help="print JSON and nothing else")
    describing.set_defaults(run=_describe)
    blacklisting = parts.add_parser(
        "blacklist",
        help="what a list leaves out of a collection, and why",
        description="Show what a blacklist leaves out, and why. Nothing is changed.",
    )
    blacklisting.add_argument("list", type=Path, metavar="LIST", help="rules or names of videos")
    blacklisting.add_argument(
        "place", type=Path, metavar="DIR_OR_INDEX", help="a store, a folder of videos or a CSV"
    )
    blacklisting.add_argument("--json", action="store_true", help="print JSON and nothing else")
    blacklisting.set_defaults(run=_blacklist)
    indexing = parts.add_parser(
        "index",
        help="list the videos of a folder of emotions, or check a CSV of them",
        description="List the videos in FOLDER/EMOTION/NAME, or of a CSV of path, label and split.",
    )
    indexing.add_argument("place", type=Path, metavar="FOLDER_OR_CSV")
    indexing.add_argument("--out", type=Path, metavar="CSV", help="write the index here")
    indexing.add_argument(
        "--quick", action="store_true", help="do not open the files to see if they are videos"
    )
    _add_lists(indexing)
    indexing.set_defaults(run=_index)
    exporting = parts.add_parser(
        "export",
        help="write a store in the layout of MMSA",
        description="Write a store as a pickle of the layout of MMSA, for its fusion models.",
    )
    exporting.add_argument("folder", type=Path, metavar="DIR", help="a store")
    exporting.add_argument("--out", type=Path, required=True, metavar="FILE")
    exporting.add_argument("--vision", default="clip", choices=("clip", "face_emotion"))
    exporting.add_argument("--n", type=_positive, default=16, metavar="N", help="rows (16)")
    exporting.add_argument(
        "--seed", type=int, default=0, help="of the videos drawn for validation, if none are given"
    )
    exporting.set_defaults(run=_export)


def _add_lists(parser: argparse.ArgumentParser) -> None:
    for split in ("train", "val", "test"):
        parser.add_argument(
            f"--{split}", type=Path, metavar="LIST", help=f"official list of the {split} videos"
        )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return value


def _lists(parsed: argparse.Namespace) -> "dict[Split, Path]":
    from vemoclap.training.records import Split

    return {split: path for split in Split if (path := getattr(parsed, split.value)) is not None}


# -- import -----------------------------------------------------------------------------------


def _import(parsed: argparse.Namespace) -> int:
    from vemoclap.training import feature_store as stores
    from vemoclap.training import released_features, splits, statistics

    if stores.ids(parsed.out):
        raise UsageError(f"{parsed.out} holds a feature store already; choose a new folder.")
    imported = released_features.read(parsed.file)
    store = imported.store
    troubles: tuple[str, ...] = ()
    if lists := _lists(parsed):
        given = splits.given(frozenset(video.id for video in store.videos), lists)
        store, troubles = store.with_splits(given.splits), given.troubles
    path = stores.append(parsed.out, store)
    statistics.write(parsed.out, store)
    _tell((*imported.notes, *troubles))
    if imported.differences:
        _tell(("The file's statistics differ from those of its values:", *imported.differences))
    elif not any("no statistics" in note for note in imported.notes):
        console.say("The file's statistics agree with its values.")
    console.say(f"{len(store.videos)} videos written to {path}.")
    return ALL_FINE


# -- describe ---------------------------------------------------------------------------------


def _describe(parsed: argparse.Namespace) -> int:
    from vemoclap.training import blacklist, statistics
    from vemoclap.training import feature_store as stores

    store = stores.read(parsed.folder)
    if parsed.blacklist is None:
        one = statistics.describe(store)
        if parsed.json:
            console.answer(json.dumps(asdict(one), indent=2))
        else:
            console.say(_text(one))
        return ALL_FINE
    both = statistics.compare(store, blacklist.read(parsed.blacklist, store.schema.labels))
    if parsed.json:
        content = {"before": asdict(both.before), "after": asdict(both.after)}
        console.answer(json.dumps({**content, "troubles": both.troubles}, indent=2))
        return ALL_FINE
    _tell(both.troubles)
    console.say(_text(both.before))
    console.say(f"\nWithout what {parsed.blacklist} leaves out\n")
    console.say(_text(both.after))
    console.say()
    console.say(_table(_shares(both.before, both.after)))
    return ALL_FINE


def _text(one: "Description") -> str:
    columns = [name for name in next(iter(one.counts.values())) if _total(one, name)]
    rows = [["emotion", *columns, "all"]]
    rows += [
        [label, *(str(by_split[column]) for column in columns), str(sum(by_split.values()))]
        for label, by_split in one.counts.items()
    ]
    rows.append(["all", *(str(_total(one, column)) for column in columns), str(one.videos)])
    features = [["feature", "missing", "rows", "values", "mean", "std", "space"]]
    for name, feature in one.features.items():
        missing = f"{feature.missing} ({feature.missing / max(1, one.videos):.0%})"
        if feature.lengths is None or feature.statistics is None:
            features.append([name, missing, "", "", "", "", feature.space])
            continue
        lengths, numbers = feature.lengths, feature.statistics
        features.append(
            [
                name,
                missing,
                f"{lengths.shortest}-{lengths.median:g}-{lengths.longest}",
                f"{numbers.minimum:.4g} to {numbers.maximum:.4g}",
                f"{numbers.mean:.4g}",
                f"{numbers.std:.4g}",
                feature.space,
            ]
        )
    lines = [_table(rows), "", _table(features), "rows: shortest, median and longest video"]
    lines += [f"The same features: {', '.join(ids)}" for ids in one.duplicates[:SHOWN]]
    if one.empty:
        lines.append(f"Without any feature: {', '.join(one.empty[:SHOWN])}")
    if not one.duplicates:
        lines.append("No two videos have the same features.")
    return "\n".join(lines)


def _total(one: "Description", column: str) -> int:
    return sum(by_split[column] for by_split in one.counts.values())


def _shares(before: "Description", after: "Description") -> list[list[str]]:
    rows = [["emotion", "before", "share", "after", "share", "left out"]]
    for label, by_split in before.counts.items():
        was, now = sum(by_split.values()), sum(after.counts.get(label, {}).values())
        rows.append(
            [
                label,
                str(was),
                f"{was / max(1, before.videos):.1%}",
                str(now),
                f"{now / max(1, after.videos):.1%}",
                str(was - now),
            ]
        )
    return rows


# -- blacklist --------------------------------------------------------------------------------


def _blacklist(parsed: argparse.Namespace) -> int:
    from vemoclap.training import blacklist

    labels, known = _collection(parsed.place)
    judgement = blacklist.judge(blacklist.read(parsed.list, known), labels)
    if parsed.json:
        content = {
            "videos": len(labels),
            "removals": [
                {"id": one.id, "line": one.line, "reason": one.reason} for one in judgement.removals
            ],
            "troubles": judgement.troubles,
        }
        console.answer(json.dumps(content, indent=2))
        return ALL_FINE
    if judgement.removals:
        rows = [["video", "line", "reason"]]
        rows += [[one.id, str(one.line), one.reason] for one in judgement.removals]
        console.say(_table(rows))
    _tell(judgement.troubles)
    console.say(f"{len(judgement.removals)} of {len(labels)} videos would be left out.")
    return ALL_FINE


def _collection(place: Path) -> tuple[Mapping[str, str | None], tuple[str, ...]]:
    """Return id -> label of the videos of a store, folder or CSV, and the label set."""
    from vemoclap.records import EMOTIONS
    from vemoclap.training import collection
    from vemoclap.training import feature_store as stores

    if (place / stores.DATA).is_dir():
        store: Store = stores.read(place)
        return {video.id: store.label_of(video) for video in store.videos}, store.schema.labels
    found = collection.of_folder(place) if place.is_dir() else collection.of_csv(place)
    return found.labels, EMOTIONS


# -- index ------------------------------------------------------------------------------------


def _index(parsed: argparse.Namespace) -> int:
    from vemoclap.training import collection

    place: Path = parsed.place
    if not place.exists():
        raise DataError(f"{place} is not there; name a folder of videos or a CSV.")
    found: Index = collection.of_folder(place) if place.is_dir() else collection.of_csv(place)
    if not parsed.quick:
        found = _checked(found)
    if lists := _lists(parsed):
        found = collection.with_lists(found, lists)
    _tell(found.troubles)
    if parsed.out is not None:
        collection.write(found, parsed.out)
        console.say(f"Written to {parsed.out}.")
    counts: dict[str, int] = {}
    for entry in found.entries:
        counts[entry.label or "no label"] = counts.get(entry.label or "no label", 0) + 1
    rows = [["emotion", "videos"], *([name, str(n)] for name, n in sorted(counts.items()))]
    console.say(_table(rows))
    console.say(f"{len(found.entries)} videos, {len(found.troubles)} remarks.")
    return ALL_FINE


def _checked(found: "Index") -> "Index":
    """Return the index without what is no video, with a bar where there is a terminal."""
    from vemoclap.training import collection

    if not console.watched():
        return collection.checked(found)
    with console.bars(transient=True) as bar:
        task = bar.add_task("checking")
        return collection.checked(
            found,
            progress=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )


# -- export -----------------------------------------------------------------------------------


def _export(parsed: argparse.Namespace) -> int:
    from vemoclap.training import feature_store as stores
    from vemoclap.training import mmsa, splits

    store = splits.paper(stores.read(parsed.folder), parsed.seed)
    mmsa.write(store, parsed.out, parsed.vision, parsed.n)
    console.say(f"{len(store.videos)} videos written to {parsed.out}.")
    return ALL_FINE


# -- text -------------------------------------------------------------------------------------


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table: numbers to the right, text to the left."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell[:1].isdigit() or not cell for cell in column[1:]) for column in columns]
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _tell(sentences: Sequence[str]) -> None:
    """Print remarks apart from the answer; of very many only the first."""
    for sentence in sentences[:SHOWN]:
        console.complain(sentence)
    if len(sentences) > SHOWN:
        console.complain(f"... and {len(sentences) - SHOWN} more remarks.")
