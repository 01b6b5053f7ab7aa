"""Videos that are better left out: rules on file names, or a plain list of names.

The grammar, which ``ekman_blacklist.txt`` repeats at its top:

- ``# ...`` at the start of a line is a comment; after a rule and a space it is the rule's reason.
- ``emotion: some words`` leaves out the videos of that emotion whose file name has these words,
  whole, next to each other and in this order. ``any: some words`` does so for every emotion. Case
  does not matter, and all that is neither letter nor digit parts words. A ``*`` at the end of a
  word stands for any ending.
- Any other line is the name of one video: a file name or the end of a path, with or without its
  suffix. That is the form of the list that the paper's authors published.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vemoclap.errors import DataError
from vemoclap.records import EMOTIONS
from vemoclap.training import video_names

ANY = "any"
_WORD = re.compile(r"[^\W_]+\*?")
_RULE = re.compile(r"(?P<emotion>\w+)\s*:(?P<words>.*?)(?:\s#\s*(?P<reason>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """Words that a file name must not have."""

    line: int  # in the file, from 1
    emotion: str | None  # of the videos that it looks at; None: all
    words: tuple[str, ...]  # casefolded; "astonish*" is any word that begins so
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """A line that names one video."""

    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Blacklist:
    """What a list says."""

    path: Path
    rules: tuple[Rule, ...]
    named: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """A video that a list leaves out."""

    id: str
    line: int  # of the first line that does
    reason: str  # a phrase


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a list does to a collection."""

    removals: tuple[Removal, ...]  # sorted by id
    troubles: tuple[str, ...]  # lines that name no video, or may mean several

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the videos to leave out."""
        return frozenset(removal.id for removal in self.removals)


def read(path: Path, labels: tuple[str, ...] = EMOTIONS) -> Blacklist:
    """Return what the list at ``path`` says of videos with these labels.

    Raises:
        DataError: it cannot be read, or a line is wrong; its number is named.
    """
    rules, named = [], []
    for number, line in video_names.lines(path):
        match = _RULE.fullmatch(line)
        # A colon may stand in the title of a video, so only a label before it makes a rule.
        if not match or match["emotion"].casefold() not in (*labels, ANY):
            named.append(Named(number, line))
            continue
        words = _words(match["words"])
        if not words:
            raise DataError(
                f"{path}, line {number}: no words follow {match['emotion']}; write them after the "
                "colon or delete the line."
            )
        emotion = match["emotion"].casefold()
        reason = (match["reason"] or "").strip() or f"named {' '.join(words)}"
        rules.append(Rule(number, None if emotion == ANY else emotion, words, reason))
    return Blacklist(path, tuple(rules), tuple(named))


def judge(blacklist: Blacklist, labels: Mapping[str, str | None]) -> Judgement:
    """Return which videos a list leaves out and why.

    A name that may mean several videos is reported and leaves out none of them.

    Args:
        blacklist: what ``read`` returned.
        labels: id -> name of its label, None where unknown, of all videos.
    """
    found: dict[str, Removal] = {}
    for video in sorted(labels):
        words = _words(video_names.stem(video.rpartition("/")[2]))
        for rule in blacklist.rules:
            if rule.emotion in (None, labels[video]) and _holds(words, rule.words):
                found[video] = Removal(video, rule.line, rule.reason)
                break
    finder = video_names.Finder(labels)
    troubles = []
    for one in blacklist.named:
        meant = finder.find(one.name)
        if len(meant) == 1:
            found.setdefault(meant[0], Removal(meant[0], one.line, "named in the list"))
        else:
            what = f"may mean {' or '.join(meant)}" if meant else "is not among the videos"
            troubles.append(f"{blacklist.path}, line {one.line}: {one.name} {what}.")
    return Judgement(tuple(found[video] for video in sorted(found)), tuple(troubles))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _holds(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Return whether ``wanted`` stands anywhere in ``words``, without a gap."""
    starts = range(len(words) - len(wanted) + 1)
    return any(all(map(_fits, words[start:], wanted)) for start in starts)


def _fits(word: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return word.startswith(wanted[:-1])
    return word.rstrip("*") == wanted
