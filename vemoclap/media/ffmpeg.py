"""The only place that runs ffmpeg: commands with limits, and what came back.

Every command is an argument list, never a shell line. The file is named by one ``file:`` URL, may
not lead to another file or to the network, and the process has a time limit, no standard input
and a group of its own that is killed as a whole.
"""

import contextlib
import functools
import math
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from vemoclap.errors import EngineError, MediaError

MAX_PIXELS = 35_389_440  # 8192 x 4320, the largest 8K picture
# Containers of real recordings and single pictures. Playlists (hls, dash, concat, sdp), which
# could name other files or hosts, are not among them.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,h264,hevc,"
    "m4v,ivf,obu,mxf,dv,rm,nut,wav,mp3,aac,flac,w64,aiff,ac3,eac3,amr,"
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,apng"
)
INPUT_LIMITS = {"protocol_whitelist": "file,pipe", "format_whitelist": FORMATS}
CHUNK = 1 << 20  # bytes read from a pipe at a time
MAX_COMPLAINTS = 1000  # lines of the decoder's complaints that are kept

_LEVEL = re.compile(r"\[(info|warning|error|fatal|panic)\] ?")
_SHOWN = re.compile(r"n: *\d+ pts: *(\S+) .* s:(\d+x\d+)")
_BLOCK = re.compile(r"n: *\d+ pts: *(-?\d+) .* nb_samples: *(\d+)")
_TIME_BASE = re.compile(r"config in time_base: *(\d+)/(\d+)")
_CONTEXT = re.compile(r"^\[(\S+) @ 0x[0-9a-f]+\] ")


@dataclass(frozen=True)
class Shown:
    """A frame that passed a ``showinfo`` filter."""

    filter_name: str  # "showinfo@all" of the filter of that name
    time_s: float  # in the file's own clock; NaN where it has none
    size: str  # "640x360"


@dataclass(frozen=True)
class Block:
    """A stretch of sound that passed an ``ashowinfo`` filter."""

    start: int  # in samples
    length: int


@dataclass(frozen=True)
class Finished:
    """What a finished ffmpeg or ffprobe left behind."""

    code: int
    shown: tuple[Shown, ...]
    blocks: tuple[Block, ...]
    complaints: tuple[str, ...]  # lines of level error and worse, without addresses


def url(path: Path) -> str:
    """Return the ``file:`` URL of a path, whatever characters its name has."""
    return f"file:{path.absolute()}"


@functools.cache
def passthrough() -> dict[str, str]:
    """Return the option with which ffmpeg neither drops nor repeats frames, by its version."""
    text = _first_line("ffmpeg", "-version")
    match = re.search(r"version \D?(\d+)\.(\d+)", text)
    old = match is not None and (int(match[1]), int(match[2])) < (5, 1)
    return {"vsync": "passthrough"} if old else {"fps_mode": "passthrough"}


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    except FileNotFoundError as error:
        raise EngineError(f"{command[0]} is not installed; run setup.sh.") from error
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def first_bytes(path: Path) -> bytes:
    """Return the first 16 bytes of a file, which tell some formats."""
    with path.open("rb") as file:
        return file.read(16)


def _demuxer(path: Path) -> str | None:
    """Return the demuxer to force for a JPEG, which ffmpeg would otherwise take for a pattern."""
    return "jpeg_pipe" if first_bytes(path).startswith(b"\xff\xd8\xff") else None


def source(path: Path, *, own_clock: bool = True, **options: Any) -> Any:
    """Return ffmpeg-python's input node for a file, with the limits that every input has.

    Times stay in the file's own clock, in which packets are listed too; without ``own_clock``
    they count from the file's start, and jumps are closed.
    """
    import ffmpeg

    if forced := _demuxer(path):
        options["format"] = forced
    if own_clock:
        options["copyts"] = None
    return ffmpeg.input(
        url(path),
        **INPUT_LIMITS,
        max_pixels=MAX_PIXELS,
        fflags="+genpts",
        **options,
    )


def command(*outputs: Any) -> list[str]:
    """Return the argument list that makes these ffmpeg-python outputs."""
    import ffmpeg

    node = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    arguments: list[str] = node.compile()
    return [
        arguments[0],
        *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "repeat+level+info"),
        *arguments[1:],
    ]


def probe_command(path: Path, *options: str) -> list[str]:
    """Return the argument list of an ffprobe with the limits that every input has."""
    forced = _demuxer(path)
    limits = ["-f", forced] if forced else []
    limits += [word for key, value in INPUT_LIMITS.items() for word in (f"-{key}", value)]
    return [
        *("ffprobe", "-hide_banner", "-loglevel", "repeat+level+error", "-fflags", "+genpts"),
        *limits,
        *options,
        url(path),
    ]


def run(
    arguments: Sequence[str],
    name: str,
    *,
    timeout_s: float,
    sinks: dict[int, Callable[[IO[bytes]], None]],
) -> Finished:
    """Return how a command ended, after its output was read.

    Args:
        arguments: the command. In it "pipe:K" stands for the K-th sink.
        name: of the user's file, for errors.
        timeout_s: after which the command is killed.
        sinks: pipe number -> a function that reads that pipe to its end; 1 is standard output.

    Raises:
        MediaError: the time limit was passed.
        EngineError: the program is not installed.
    """
    pipes = {number: os.pipe() for number in sinks if number != 1}
    replaced = {f"pipe:{number}": f"pipe:{write}" for number, (_, write) in pipes.items()}
    try:
        process = subprocess.Popen(
            [replaced.get(word, word) for word in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if 1 in sinks else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[write for _, write in pipes.values()],
            start_new_session=True,
        )
    except FileNotFoundError as error:
        for ends in pipes.values():
            for end in ends:
                os.close(end)
        raise EngineError(f"{arguments[0]} is not installed; run setup.sh.") from error
    for _, write in pipes.values():
        os.close(write)
    readers: dict[int, IO[bytes]] = {
        number: os.fdopen(read, "rb") for number, (read, _) in pipes.items()
    }
    if process.stdout is not None:
        readers[1] = process.stdout
    log = _Log()
    assert process.stderr is not None  # asked for above
    jobs: list[tuple[Callable[[IO[bytes]], None], IO[bytes]]] = [(log.read, process.stderr)]
    jobs += [(sinks[number], reader) for number, reader in readers.items()]
    failures: list[BaseException] = []
    threads = [
        threading.Thread(target=_drain, args=(job, pipe, process, failures), daemon=True)
        for job, pipe in jobs
    ]
    for thread in threads:
        thread.start()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        raise MediaError(
            f"{name} took longer to decode than its length allows and was given up; "
            "re-encode it, or cut it into shorter files."
        ) from error
    finally:
        _kill(process)
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return Finished(process.returncode, tuple(log.shown), tuple(log.blocks), tuple(log.complaints))


def _drain(
    job: Callable[[IO[bytes]], None],
    pipe: IO[bytes],
    process: "subprocess.Popen[bytes]",
    failures: list[BaseException],
) -> None:
    try:
        with pipe:
            job(pipe)
    except BaseException as error:
        failures.append(error)
        _kill(process)  # nobody reads on, so it would wait for ever


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return  # its number may be another's by now
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Log:
    """What ffmpeg says on standard error, sorted."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.blocks: list[Block] = []
        self.complaints: list[str] = []
        self._time_bases: dict[str, tuple[int, int]] = {}  # filter -> seconds per tick

    def read(self, pipe: IO[bytes]) -> None:
        for raw in pipe:
            line = raw.decode("utf-8", "replace").rstrip()
            level = _LEVEL.search(line)
            if level is None:
                continue
            if level[1] == "info":
                self._note(line)
            elif level[1] != "warning" and len(self.complaints) < MAX_COMPLAINTS:
                text = _CONTEXT.sub(r"\1: ", _LEVEL.sub("", line, count=1))
                self.complaints.append(re.sub(r" @ 0x[0-9a-f]+", "", text).rstrip("."))

    def _note(self, line: str) -> None:
        context = _CONTEXT.match(line)
        if context is None:
            return
        if base := _TIME_BASE.search(line):
            self._time_bases[context[1]] = int(base[1]), int(base[2])
        elif shown := _SHOWN.search(line):
            # Ticks, as "pts_time" has six digits only: tenths of a second after three hours.
            top, bottom = self._time_bases[context[1]]
            time_s = math.nan if shown[1] == "NOPTS" else int(shown[1]) * (top / bottom)
            self.shown.append(Shown(context[1], time_s, shown[2]))
        elif block := _BLOCK.search(line):
            self.blocks.append(Block(int(block[1]), int(block[2])))


def bytes_sink(
    into: bytearray, limit: int, complaint: str | None = None
) -> Callable[[IO[bytes]], None]:
    """Return a sink that collects at most ``limit`` bytes.

    More of them raise ``MediaError`` with ``complaint``, or are dropped where there is none.
    """

    def sink(pipe: IO[bytes]) -> None:
        while chunk := pipe.read(CHUNK):
            if complaint is not None and len(into) + len(chunk) > limit:
                raise MediaError(complaint)
            into.extend(chunk[: max(0, limit - len(into))])

    return sink
