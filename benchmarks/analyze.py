"""What a 60-second video costs through the embedded preset: python benchmarks/analyze.py

Makes a 60-second 720p video with speech, text and cuts out of the project's own samples, analyses
it in a fresh process, and prints one table: seconds per stage, seconds after start (all but
Python's own imports and the loading of models), peak memory of the process and of its largest
ffmpeg, and the times of ``import vemoclap`` and ``vemoclap --help``.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
SECONDS = 60
MEASURE = """
import json, resource, sys
import vemoclap
analyser = vemoclap.Analyser("embedded", device="cpu")
analysis = analyser.analyze(sys.argv[1])
print(json.dumps({
    "stages": {stage.stage: stage.seconds for stage in analysis.stages},
    "faces": len(analysis.readings.faces.faces or ()),
    "texts": len(analysis.readings.screen.parts or ()),
    "spans": len(analysis.readings.speech.spans or ()),
    "self_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "child_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
}))
"""


def make(path: Path) -> None:
    """Join samples with sound, scaled to 720p, until they fill a minute."""
    names = ("launch.mp4", "storm.mp4", "abschied.mp4") * 2
    inputs = [word for name in names for word in ("-i", str(SAMPLES / name))]
    scaled = "".join(
        f"[{i}:v]scale=1280:720:force_original_aspect_ratio=decrease,"
        f"pad=1280:720:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=30[v{i}];[{i}:a]aresample=44100[a{i}];"
        for i in range(len(names))
    )
    streams = "".join(f"[v{i}][a{i}]" for i in range(len(names)))
    graph = f"{scaled}{streams}concat=n={len(names)}:v=1:a=1[v][a]"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", graph),
            *("-map", "[v]", "-map", "[a]", "-t", str(SECONDS)),
            *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", str(path)),
        ],
        check=True,
    )


def median_s(*command: str) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minute.mp4"
        make(path)
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)], check=True, capture_output=True, text=True
        )
        wall = time.perf_counter() - start
    measured = json.loads(done.stdout)
    stages = measured["stages"]
    bare = median_s(sys.executable, "-c", "pass")
    table = Table(title=f"{SECONDS} s of 720p through the embedded preset, 16 frames")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for stage, seconds in stages.items():
        table.add_row(f"stage: {stage}", f"{seconds:.2f} s")
    after = sum(seconds for stage, seconds in stages.items() if stage != "models")
    table.add_row("all stages but loading models", f"{after:.2f} s")
    table.add_row("the whole process", f"{wall:.2f} s")
    table.add_row("peak memory of the process", f"{measured['self_mb']:.0f} MB")
    table.add_row("peak memory of its largest child", f"{measured['child_mb']:.0f} MB")
    found = f"{measured['faces']} faces, {measured['texts']} texts, {measured['spans']} spans"
    table.add_row("found", found)
    imported = median_s(sys.executable, "-c", "import vemoclap") - bare
    table.add_row("import vemoclap", f"{imported:.3f} s")
    helped = median_s(sys.executable, "-m", "vemoclap", "--help")
    table.add_row("vemoclap --help", f"{helped:.3f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
