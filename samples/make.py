"""Makes the sample clips and truth.json, which says what is to be found in them.

    python samples/make.py [--out DIR] [--only NAME] [--seconds N] [--truth]

Needs ffmpeg, espeak-ng and scikit-image (setup.sh --dev installs them). Every random number has
a seed, so two runs draw the same pictures; bytes differ between versions of the encoders.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import abschied
import launch
import numpy as np
import silent
import storm
from film import Film
from sounds import RATE

FILMS = (launch.film, storm.film, abschied.film, silent.film)
TIME_LIMIT_S = 600
VIDEO = {  # ffmpeg's options, by the file's ending
    ".mp4": "-c:v libx264 -preset slow -crf 27 -pix_fmt yuv420p -movflags +faststart",
    ".webm": "-c:v libvpx-vp9 -b:v 0 -crf 37 -cpu-used 2 -row-mt 1 -pix_fmt yuv420p",
}
COLOURS = (  # says and does BT.709: without it, players guess the matrix from the size
    "-vf scale=out_color_matrix=bt709:out_range=tv "
    "-colorspace bt709 -color_primaries bt709 -color_trc bt709"
)


def main() -> None:
    """Write the clips that were asked for."""
    parser = argparse.ArgumentParser(description="Makes the sample clips and truth.json.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", help="the name of one clip, without its ending")
    parser.add_argument("--seconds", type=float, help="a preview: the start only, no truth.json")
    parser.add_argument("--truth", action="store_true", help="truth.json only, nothing is drawn")
    options = parser.parse_args()
    films = [film() for film in FILMS if options.only in (None, film.__module__)]
    if not films:
        parser.error(f"there is no clip {options.only!r}")
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.truth:
        for film in films:
            path = options.out / film.name
            encode(film, path, options.seconds or film.duration_s)
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    if options.seconds is None:
        write_truth(films, options.out / "truth.json")


def write_truth(films: list[Film], path: Path) -> None:
    """Put the truth of the films into the file, beside that of other films."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    known.update({film.name: film.truth() for film in films})
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")


def encode(film: Film, path: Path, seconds: float) -> None:
    """Draw the film's first seconds and pipe them through ffmpeg into a file."""
    width, height = film.size
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(film.rate_fps), "-i", "pipe:0"]
    codecs = [*VIDEO[path.suffix].split(), *COLOURS.split(), "-g", str(2 * film.rate_fps)]
    with tempfile.TemporaryDirectory() as folder:
        if film.sound is not None:
            wave = Path(folder, "sound.s16")
            wave.write_bytes((film.sound * 32767).astype("<i2").tobytes())
            command += ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", str(wave)]
            codecs += ["-c:a", "aac", "-b:a", "80k"]
        if film.language:
            subtitles = Path(folder, "words.srt")
            subtitles.write_text(srt(film, seconds), "utf-8")
            command += ["-f", "srt", "-i", str(subtitles)]
            codecs += ["-c:s", "mov_text", "-metadata:s:s:0", f"language={film.language}"]
            codecs += ["-metadata:s:a:0", f"language={film.language}"]
        command += [*codecs, "-t", f"{seconds:.3f}", "-metadata", f"title={film.shows}", str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            assert process.stdin
            for picture in film.frames(seconds):
                process.stdin.write(np.asarray(picture).tobytes())
            process.stdin.close()
            if process.wait(TIME_LIMIT_S):
                sys.exit(f"ffmpeg could not make {path}.")


def srt(film: Film, seconds: float) -> str:
    """Return the words of the film's first seconds as SubRip text."""
    blocks = [
        f"{number}\n{clock(line.start_s)} --> {clock(min(line.end_s, seconds))}\n{line.text}\n"
        for number, line in enumerate(film.spoken, start=1)
        if line.start_s < seconds
    ]
    return "\n".join(blocks)


def clock(seconds: float) -> str:
    """Return a moment the way that SubRip writes it: 00:01:02,345."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


if __name__ == "__main__":
    main()
