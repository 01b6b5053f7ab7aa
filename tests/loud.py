"""A library that speaks of itself in every way that there is, planted in place of a real one.

It takes the place of VADER, which the preset ``embedded`` asks about each text, and answers.
"""

import textwrap
from pathlib import Path

NOISES = (
    "warning", "deprecation", "own-handler", "log", "printed", "printed-to-stderr", "kept-stderr",
    "original-stderr", "fd-1", "fd-2", "C-stdout", "C-stderr", "bar",
)  # fmt: skip
MOMENTS = ("import", "call")

SOURCE = """
    import atexit, ctypes, logging, os, sys, warnings
    from pathlib import Path

    warnings.simplefilter("always")  # as some libraries do
    C = ctypes.CDLL(None)
    KEPT, LOG = sys.stderr, logging.getLogger("loud")
    OWN = logging.getLogger("loud.own")
    OWN.propagate = False
    OWN.addHandler(logging.StreamHandler(sys.stderr))


    def loud(moment):
        def mark(noise):
            return f"<{moment} {noise}>"

        warnings.warn(mark("warning"), FutureWarning, stacklevel=2)
        warnings.warn(mark("deprecation"), DeprecationWarning, stacklevel=1)
        OWN.error(mark("own-handler"))
        LOG.warning(mark("log"))
        print(mark("printed"))
        print(mark("printed-to-stderr"), file=sys.stderr)
        print(mark("kept-stderr"), file=KEPT)
        print(mark("original-stderr"), file=sys.__stderr__, flush=True)
        os.write(1, mark("fd-1").encode())
        os.write(2, mark("fd-2").encode())
        C.dprintf(2, mark("C-stderr").encode())
        C.printf(mark("C-stdout").encode())
        C.fflush(None)
        C.printf(mark("late").encode())  # stays in C's buffer, until somebody empties it

        from tqdm import tqdm

        for _ in tqdm(range(3), desc=mark("bar"), mininterval=0):
            pass
        with open(os.environ["LOUD_LOG"], "a") as file:
            file.write(moment + "\\n")


    loud("import")
    atexit.register(loud, "exit")


    class SentimentIntensityAnalyzer:
        def polarity_scores(self, text):
            loud("call")
            return {"compound": 0.5}
"""


def plant(folder: Path) -> dict[str, str]:
    """Plant the library and return what a process needs in its environment to find it."""
    package = folder / "loud" / "vaderSentiment"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "vaderSentiment.py").write_text(textwrap.dedent(SOURCE))
    root = Path(__file__).resolve().parents[1]
    return {
        "PYTHONPATH": f"{folder / 'loud'}:{root}",
        "LOUD_LOG": str(folder / "moments"),
        "VEMOCLAP_HOME": str(folder / "home"),
    }


def asked(folder: Path) -> set[str]:
    """Return at which moments the library had occasion to speak."""
    return set((folder / "moments").read_text().split())


def heard(said: str) -> set[str]:
    """Return what of it is in what was said."""
    return {
        f"{moment} {noise}"
        for moment in (*MOMENTS, "exit")
        for noise in (*NOISES, "late")
        if f"<{moment} {noise}>" in said
    }


ALL = {f"{moment} {noise}" for moment in MOMENTS for noise in NOISES}
