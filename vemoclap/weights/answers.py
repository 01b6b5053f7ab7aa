"""What a server's answer to the wish for a file means, and the sentence for each refusal."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vemoclap.errors import WeightsError

if TYPE_CHECKING:
    from requests import Response

LONGEST_DELAY_S = 120.0  # a server that asks for more is left alone

_BUSY = (408, 425, 429, 500, 502, 503, 504)


class NotFoundError(WeightsError):
    """The publisher has no such file."""


class UnreachableError(WeightsError):
    """The publisher's machine does not answer at all."""


class HitchError(Exception):
    """Something that may be over at the next try."""

    def __init__(self, last: WeightsError, delay_s: float | None = None) -> None:
        super().__init__(str(last))
        self.last = last  # what to raise when there is no next try
        self.delay_s = delay_s  # that the server asks for


def refuse(answer: "Response", url: str) -> None:
    """Raise unless the answer is the file at ``url`` or a part of it.

    Raises:
        HitchError: it may be so at the next try.
        WeightsError: it will not.
    """
    status, server = answer.status_code, host(answer.url)
    if status in (200, 206):
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise page(url)
    elif status in (404, 410):
        raise NotFoundError(
            f"{url} is not there any more ({status}); install a newer vemoclap, which may know "
            "where it went."
        )
    elif status in (401, 403):
        raise WeightsError(
            f"{server} refuses {url} ({status}); open it in a browser to see whether its publisher "
            "withdrew it or this network blocks it."
        )
    elif status == 416:
        raise HitchError(WeightsError(f"{server} sends no rest of {url}; run the command again."))
    elif status in _BUSY:
        raise _busy(answer, url)
    else:
        raise WeightsError(
            f"{server} answers {url} with status {status}, which makes no sense for a file; run "
            "the command again later."
        )


def _busy(answer: "Response", url: str) -> Exception:
    delay_s = asked_delay(answer.headers.get("Retry-After", ""))
    busy = f"{host(answer.url)} is too busy to send {url} ({answer.status_code})"
    if delay_s is not None and delay_s > LONGEST_DELAY_S:
        return WeightsError(
            f"{busy} and asks to wait for {delay_s / 60:.0f} minutes; run the command again then."
        )
    last = f"{busy}; run the command again later: it goes on where it stopped."
    return HitchError(WeightsError(last), delay_s)


def asked_delay(text: str) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, given as such or as a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def advertised(answer: "Response") -> str | None:
    """Return the hash that a hub tells of a file: SHA-256 of large ones, git's name of others.

    Only the header that is meant for it counts. The ETag may be another hash on mirrors, and on
    the storage that the hub sends us to.
    """
    tag = (_header(answer, "X-Linked-Etag") or "").strip('"').lower()
    if re.fullmatch(r"[0-9a-f]{64}", tag):
        return f"sha256:{tag}"
    return f"git-blob:{tag}" if re.fullmatch(r"[0-9a-f]{40}", tag) else None


def commit(answer: "Response") -> str | None:
    """Return the commit that a hub took the file from; it becomes a part of later addresses."""
    told = _header(answer, "X-Repo-Commit") or ""
    return told if re.fullmatch(r"[0-9a-f]{40}", told) else None


def _header(answer: "Response", name: str) -> str | None:
    """Return a header of the answer, or of what led to it by redirection."""
    return next((a.headers[name] for a in (*answer.history, answer) if name in a.headers), None)


def content_length(answer: "Response") -> int | None:
    """Return how many bytes the server says it sends."""
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def page(url: str) -> WeightsError:
    """Return what to raise for a web page in place of a file."""
    return WeightsError(
        f"{url} brought a web page instead of the file; log in to this network if it asks for "
        "that in a browser, and run the command again."
    )


def reason(error: Exception) -> str:
    """Return why, in a few words: the innermost of the library's nested errors."""
    inner: object = error
    while True:
        deeper = getattr(inner, "reason", None) or (getattr(inner, "args", None) or (None,))[0]
        if not isinstance(deeper, Exception):
            break
        inner = deeper
    text = str(inner).rpartition(": ")[2].strip()
    return text[:120] or type(error).__name__


def host(url: str) -> str:
    """Return the machine, with its port, that an address names."""
    return urlsplit(url).netloc
