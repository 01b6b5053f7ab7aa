"""One file over HTTP, by Hugging Face's library: tried again, resumed, checked to its last byte.

``hf_hub_download`` throws away what came of a file when it is cut, which of gigabytes nobody can
afford. So its two halves are called, which also serve plain addresses: what tells of a file, and
what fetches the rest of it. What has come so far lies in ``NAME.part``; a later run goes on with
it only where a hash will tell whether the whole is right.
"""

import random
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vemoclap import files
from vemoclap.errors import WeightsError
from vemoclap.files import Digest
from vemoclap.version import __version__
from vemoclap.weights import cache
from vemoclap.weights.catalog import Artefact

Report = Callable[[str, int, int | None], None]  # (what is done, bytes so far, bytes in all)

TRIES = 5  # in a row that bring nothing; within each the library tries a cut body 6 times
FIRST_DELAY_S = 1.0  # then twice as long each time
LONGEST_DELAY_S = 120.0  # a server that asks for more is left alone
TIMEOUT_S = 10.0  # without a sign of life
BUSY = {408, 425, 429, 500, 502, 503, 504}
PAGE = (b"<!", b"<html", b"<head", b"<?xml")


class NotFoundError(WeightsError):
    """The publisher has no such file."""


class UnreachableError(WeightsError):
    """The publisher's machine does not answer at all."""


class TransientError(Exception):
    """Something that may be over at the next try."""

    def __init__(self, last: WeightsError, delay_s: float | None = None) -> None:
        super().__init__(str(last))
        self.last = last  # what to raise when there is no next try
        self.delay_s = delay_s  # that the server asks for


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be fetched."""

    row: Artefact
    file: str  # its published name
    revision: str
    part: Path  # where it goes
    known: str | None  # its hash, "sha256:..." or "git-blob:..."
    advice: str  # what to do if the file has another hash than ``known``

    @property
    def url(self) -> str:
        """Its address."""
        return self.row.address(self.file, self.revision)

    @property
    def host(self) -> str:
        """The machine, with its port, that is asked for it."""
        return urlsplit(self.url).netloc


def fetch(
    wanted: Wanted, report: Report, sleep: Callable[[float], None]
) -> tuple[Digest, str | None]:
    """Bring a file to ``wanted.part``; return its hashes and the commit that a hub says it is of.

    Raises:
        NotFoundError: there is no such file.
        UnreachableError: there is no way to the server.
        WeightsError: it cannot be had, or it is not the one that was wanted, which is removed.
        OSError: it cannot be written.
    """
    if urlsplit(wanted.url).scheme not in ("http", "https") or not wanted.host:
        raise WeightsError(
            f"{wanted.url} cannot be asked for; check the address, of which HF_ENDPOINT is a part."
        )
    failures, best_offset = 0, _length(wanted.part)
    with _online():
        while True:
            try:
                return _attempt(wanted, report)
            except TransientError as hitch:
                if (have := _length(wanted.part)) > best_offset:
                    best_offset, failures = have, 0
                failures += 1
                if failures == TRIES:
                    raise hitch.last from None
                delay = hitch.delay_s
                if delay is None:
                    jitter = random.uniform(0.5, 1.5)  # noqa: S311  # so that not all come at once
                    delay = FIRST_DELAY_S * 2 ** (failures - 1) * jitter
                report(f"trying again in {delay:.0f} s", have, None)
                sleep(delay)


@contextmanager
def _online() -> Iterator[None]:
    """Let Hugging Face's library use the network, and say nothing of its own, within."""
    cache.use_offline()  # as is right for all else; it is read when the library is imported
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    before = constants.HF_HUB_OFFLINE, logging.get_verbosity()
    constants.HF_HUB_OFFLINE = False
    logging.set_verbosity(50)  # its warnings of tries, which are reported here
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before[0]
        logging.set_verbosity(before[1])


def _attempt(wanted: Wanted, report: Report) -> tuple[Digest, str | None]:
    from huggingface_hub import errors, get_hf_file_metadata
    from huggingface_hub.file_download import http_get

    row, part, found = wanted.row, wanted.part, None
    expected, came = wanted.known, False
    # What is compressed for the way would have another length and hash.
    headers = {"user-agent": f"vemoclap/{__version__}", "Accept-Encoding": "identity"}
    try:
        found = get_hf_file_metadata(wanted.url, token=False, timeout=TIMEOUT_S, headers=headers)
        told = _hash_of(found.etag or "") if row.on_hugging_face else None
        kinds = [known.partition(":")[0] for known in (wanted.known, told) if known]
        if wanted.known != told and len(kinds) == 2 and kinds[0] == kinds[1]:
            part.unlink(missing_ok=True)
            raise _another(wanted)  # at once, rather than after gigabytes
        commit = found.commit_hash or ""
        commit = commit if re.fullmatch("[0-9a-f]{40}", commit) else ""
        expected = expected or told
        if expected is None or _length(part) > (found.size or _length(part)):
            part.unlink(missing_ok=True)
        if expected is None:  # nothing will tell whether two versions were glued together
            headers["If-Range"] = f'"{found.etag}"'
        resumed = _length(part)
        with part.open("ab") as file:
            http_get(
                row.address(wanted.file, commit or wanted.revision),
                file,
                resume_size=resumed,
                headers=headers,
                expected_size=found.size,
                tqdm_class=partial(_Bar, wanted, report, expected),  # type: ignore[arg-type]
            )
        came = True
    except errors.HfHubHTTPError as error:
        raise _refusal(wanted, error.response) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]  # of httpx, or httpx2
        raise (_cut(wanted, found.size) if found else _unreachable(wanted, error)) from error
    except OSError as error:
        if error.errno is None:  # the library's word for a body of another length
            raise _page(wanted) or _cut(wanted, found.size if found else None) from error
        raise
    finally:
        if not came and ((found and expected is None) or not _length(part)):
            part.unlink(missing_ok=True)  # no later run could go on with it
    return _checked(wanted, expected, resumed > 0, report), commit or None


class _Bar:
    """What the library tells its progress to, in place of a bar of tqdm's."""

    def __init__(self, wanted: Wanted, report: Report, expected: str | None, **said: Any) -> None:
        self._stage = f"downloading {Path(wanted.file).name}"
        self._done, self._total = said["initial"], said["total"]
        self._wanted, self._report, self._restarts = wanted, report, 0
        if not (self._total or expected):
            raise WeightsError(
                f"{wanted.host} does not say how long {wanted.url} is, so a cut could not be seen; "
                "try another network, or another HF_ENDPOINT."
            )
        files.require_free_space((self._total or 0) - self._done, wanted.part.parent)
        self.update(0)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, count: int) -> None:
        """Hear that more bytes came, or that all are taken back as the server starts over."""
        self._restarts += count < 0
        if self._restarts == TRIES:  # the library would go on for ever
            raise _cut(self._wanted, self._total)
        self._done += count
        self._report(self._stage, self._done, self._total)


def _checked(wanted: Wanted, expected: str | None, resumed: bool, report: Report) -> Digest:
    """Return the hashes of the whole file, once they are those that were expected."""
    size = _length(wanted.part)
    report(f"checking {Path(wanted.file).name}", size, size)
    found = files.digest(wanted.part)
    page = None if expected and found.fits(expected) else _page(wanted)
    if page is None and found.fits(expected or f"sha256:{found.sha256}"):
        return found
    if page:
        raise page
    wanted.part.unlink()
    error = _another(wanted)
    if not wanted.known:
        error = WeightsError(
            f"{wanted.url} came with other bytes than {wanted.host} has; something between changes "
            "them: try another network."
        )
    raise TransientError(error) if resumed else error  # its first part may have been damaged


def _refusal(wanted: Wanted, answer: Any) -> Exception:
    """Return what to raise for an answer that is neither the file nor a part of it."""
    status, server, url = answer.status_code, urlsplit(str(answer.url)).netloc, wanted.url
    if status in (404, 410):
        return NotFoundError(
            f"{url} is not there any more ({status}); install a newer vemoclap, which may know "
            "where it went."
        )
    if status in (401, 403):
        return WeightsError(
            f"{server} refuses {url} ({status}); open it in a browser to see whether its publisher "
            "withdrew it or this network blocks it."
        )
    if status == 416:
        wanted.part.unlink(missing_ok=True)
        return TransientError(WeightsError(f"{server} sends no rest of {url}; try again."))
    if status not in BUSY:
        return WeightsError(
            f"{server} answers {url} with status {status}, which makes no sense for a file; try "
            "again later."
        )
    delay_s = asked_delay(answer.headers.get("Retry-After", ""))
    busy = f"{server} is too busy to send {url} ({status})"
    if delay_s is not None and delay_s > LONGEST_DELAY_S:
        return WeightsError(
            f"{busy} and asks to wait for {delay_s / 60:.0f} minutes; try again then."
        )
    last = f"{busy}; try again later: it goes on where it stopped."
    return TransientError(WeightsError(last), delay_s)


def asked_delay(text: str) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, given as such or as a date."""
    if text.strip().isdecimal():
        return float(text)
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return None


def _unreachable(wanted: Wanted, error: BaseException) -> Exception:
    inner, secure = error, True
    while deeper := inner.__cause__ or inner.__context__:
        inner, secure = deeper, secure and not isinstance(deeper, ssl.SSLError)
    if not secure:
        return WeightsError(
            f"{wanted.host} could not prove who it is ({files.reason(inner)}); check this "
            "machine's clock and, behind a proxy, its certificates."
        )
    return TransientError(
        UnreachableError(
            f"{wanted.host} cannot be reached ({files.reason(inner)}); check the network "
            "connection and try again: it goes on where it stopped."
        )
    )


def _cut(wanted: Wanted, size: int | None) -> Exception:
    if _length(wanted.part) > (size or _length(wanted.part)):
        wanted.part.unlink()
    of = f" of {files.amount(size)}" if size else ""
    return TransientError(
        WeightsError(
            f"The connection for {wanted.url} was cut again and again, the last time after "
            f"{files.amount(_length(wanted.part))}{of}; try again: it goes on where it "
            "stopped."
        )
    )


def _page(wanted: Wanted) -> WeightsError | None:
    """Return what to raise if a web page came in place of the file, which is removed."""
    with wanted.part.open("rb") as file:
        if not file.read(100).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE):
            return None
    wanted.part.unlink()
    return WeightsError(
        f"{wanted.url} brought a web page instead of the file; log in to this network if it asks "
        "for that in a browser, and try again."
    )


def _another(wanted: Wanted) -> WeightsError:
    return WeightsError(f"{wanted.url} is not the file that was expected; {wanted.advice}.")


def _hash_of(etag: str) -> str | None:
    """Return the hash that a hub tells of a file: SHA-256 of large ones, git's name of others."""
    if re.fullmatch("[0-9a-f]{64}", etag):
        return f"sha256:{etag}"
    return f"git-blob:{etag}" if re.fullmatch("[0-9a-f]{40}", etag) else None


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
