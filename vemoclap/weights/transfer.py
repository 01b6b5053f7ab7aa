"""One file over HTTP: tried again, resumed where it was cut, and checked to its last byte.

What has come so far lies in ``NAME.part``, beside it in ``NAME.part.etag`` the server's mark of
that version of the file. A later try, or a later run, asks for the rest of that version only, so
two versions are never glued together.
"""

import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vemoclap import files
from vemoclap.errors import WeightsError
from vemoclap.files import CHUNK, Digest, digest
from vemoclap.version import __version__
from vemoclap.weights import answers
from vemoclap.weights.answers import HitchError

if TYPE_CHECKING:
    import requests

Report = Callable[[str, int, int | None], None]  # (what is done, bytes so far, bytes in all)

TRIES = 5  # in a row that bring little
LITTLE = 16 * CHUNK  # bytes; a try that brings more starts the count afresh
FIRST_DELAY_S = 1.0  # then twice as long each time
CONNECT_S, READ_S = 10.0, 60.0  # without a sign of life

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PAGE = (b"<!doctype html", b"<html")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be fetched."""

    url: str
    part: Path  # where it goes
    known: str | None  # its hash, "sha256:..." or "git-blob:..."
    advice: str  # what to do if the file has another hash than ``known``
    hub: bool  # whether the server is a Hugging Face hub, which tells hash and commit


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came: whole, and with the hash that was known or that the hub told."""

    digest: Digest
    commit: str | None  # that the hub says it came from


def fetch(wanted: Wanted, report: Report, sleep: Callable[[float], None]) -> Delivered:
    """Bring a file to ``wanted.part`` and return what came.

    Raises:
        NotFoundError: there is no such file.
        UnreachableError: there is no way to the server.
        WeightsError: it cannot be had, or it is not the one that was wanted, which is removed.
        OSError: it cannot be written.
    """
    import requests

    failures, furthest = 0, _length(wanted.part)
    with requests.Session() as session:
        while True:
            try:
                return _attempt(session, wanted, report)
            except HitchError as hitch:
                have = _length(wanted.part)
                if have >= furthest + LITTLE:
                    furthest, failures = have, 0
                failures += 1
                if failures == TRIES:
                    if not _begun(wanted.part)[0]:
                        discard(wanted.part)  # no later run could go on with it
                    raise hitch.last from None
                delay = hitch.delay_s
                if delay is None:
                    jitter = random.uniform(0.5, 1.5)  # noqa: S311  # so that not all come at once
                    delay = FIRST_DELAY_S * 2 ** (failures - 1) * jitter
                report(f"trying again in {delay:.0f} s", have, None)
                sleep(delay)


def mark(part: Path) -> Path:
    """Return where the server's mark of the version in ``part`` is kept."""
    return part.with_name(f"{part.name}.etag")


def discard(part: Path) -> None:
    """Remove what has come of a file."""
    part.unlink(missing_ok=True)
    mark(part).unlink(missing_ok=True)


# -- one try ----------------------------------------------------------------------------------


def _attempt(session: "requests.Session", wanted: Wanted, report: Report) -> Delivered:
    import requests

    offset, etag = _begun(wanted.part)
    server = answers.host(wanted.url)
    # What is compressed for the way would have another length and hash.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"vemoclap/{__version__}"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
    try:
        with session.get(
            wanted.url, headers=headers, stream=True, timeout=(CONNECT_S, READ_S)
        ) as answer:
            whole = _already_whole(answer, offset, etag)
            if not whole:
                if answer.status_code == 416:
                    discard(wanted.part)
                answers.refuse(answer, wanted.url)
            advertised = answers.advertised(answer) if wanted.hub else None
            _refuse_another(wanted, advertised)
            if not whole:
                _receive(answer, wanted, offset, etag, report)
            commit = answers.commit(answer) if wanted.hub else None
    except requests.exceptions.SSLError as error:
        raise WeightsError(
            f"{server} could not prove who it is ({answers.reason(error)}); check this machine's "
            "clock and, behind a proxy, its certificates."
        ) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise HitchError(
            answers.UnreachableError(
                f"{server} cannot be reached ({answers.reason(error)}); check the network "
                "connection and run the command again: it goes on where it stopped."
            )
        ) from error
    except requests.exceptions.RequestException as error:
        raise WeightsError(
            f"{wanted.url} cannot be asked for ({answers.reason(error)}); check the address, of "
            "which HF_ENDPOINT sets a part."
        ) from error
    return Delivered(_checked(wanted, advertised, offset > 0, report), commit)


def _begun(part: Path) -> tuple[int, str]:
    """Return how many bytes are there of which version; 0 if they are of no use."""
    length = _length(part)
    try:
        etag = mark(part).read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        etag = ""
    if not (length and etag):
        return 0, ""
    return length, etag


def _already_whole(answer: "requests.Response", offset: int, etag: str) -> bool:
    """Return whether nothing is left to be sent of the version that is there."""
    if answer.status_code != 416:
        return False
    whole = answer.headers.get("Content-Range") == f"bytes */{offset}"
    return bool(offset) and whole and answer.headers.get("ETag", etag) == etag


def _receive(
    answer: "requests.Response", wanted: Wanted, offset: int, etag: str, report: Report
) -> None:
    """Write the body to the part, after its first ``offset`` bytes if the server sends the rest."""
    part = wanted.part
    if answer.status_code == 206:
        span = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not span or int(span[1]) != offset or answer.headers.get("ETag") != etag:
            discard(part)  # another version, or a server that does not say which
            raise HitchError(
                WeightsError(f"{wanted.url} changes while it is sent; run the command again later.")
            )
        total: int | None = int(span[2])
        files.require_free_space(int(span[2]) - offset, part.parent)
    else:
        offset, total = 0, answers.content_length(answer)
        if total is None and not (
            wanted.known or "chunked" in answer.headers.get("Transfer-Encoding", "")
        ):
            raise WeightsError(
                f"{answers.host(answer.url)} does not say how long {wanted.url} is, so a cut could "
                "not be seen; try another network, or another HF_ENDPOINT."
            )
        discard(part)
        files.require_free_space(total or 0, part.parent)
        new = answer.headers.get("ETag", "")
        if new.startswith('"'):  # a weak one (W/"...") does not promise the same bytes
            mark(part).write_text(new, "utf-8")
    done = _write(answer, wanted, offset, total, report)
    if total is not None and done != total:
        if done > total:
            discard(part)
        raise _cut(wanted, done, total)


def _write(
    answer: "requests.Response", wanted: Wanted, done: int, total: int | None, report: Report
) -> int:
    """Write the body to the part and return how many bytes it has then."""
    import requests

    stage = f"downloading {_name(wanted.url)}"
    report(stage, done, total)
    with wanted.part.open("ab") as file:
        try:
            for chunk in answer.iter_content(CHUNK):
                if not done and chunk[:100].lstrip().lower().startswith(_PAGE):
                    discard(wanted.part)
                    raise answers.page(wanted.url)
                file.write(chunk)
                done += len(chunk)
                report(stage, done, total)
        except requests.exceptions.RequestException as error:
            raise _cut(wanted, done, total) from error
        finally:
            file.flush()
            os.fsync(file.fileno())
    return done


def _checked(wanted: Wanted, advertised: str | None, resumed: bool, report: Report) -> Digest:
    """Return the hashes of the whole file, once they are those that were expected."""
    size = _length(wanted.part)
    report(f"checking {_name(wanted.url)}", size, size)
    found = digest(wanted.part)
    expected = wanted.known or advertised
    if expected is None or found.fits(expected):
        return found
    discard(wanted.part)
    if wanted.known:
        error = _another(wanted)
    else:
        error = WeightsError(
            f"{wanted.url} came with other bytes than {answers.host(wanted.url)} has; something "
            "between changes them: try another network."
        )
    if resumed:  # the first part may have been damaged
        raise HitchError(error)
    raise error


def _refuse_another(wanted: Wanted, advertised: str | None) -> None:
    """Raise at once, rather than after gigabytes, if the hub tells of another file."""
    if not (wanted.known and advertised) or wanted.known == advertised:
        return
    if wanted.known.partition(":")[0] == advertised.partition(":")[0]:
        discard(wanted.part)
        raise _another(wanted)


def _cut(wanted: Wanted, done: int, total: int | None) -> HitchError:
    of = f" of {files.amount(total)}" if total is not None else ""
    return HitchError(
        WeightsError(
            f"The connection for {wanted.url} was cut again and again, the last time after "
            f"{files.amount(done)}{of}; run the command again: it goes on where it stopped."
        )
    )


def _another(wanted: Wanted) -> WeightsError:
    return WeightsError(f"{wanted.url} is not the file that was expected; {wanted.advice}.")


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _length(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
