"""``python -m tests.hub DIR`` makes ``DIR`` a ``$VEMOCLAP_HOME`` of miniature models."""

import sys
from pathlib import Path

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m tests.hub DIR")
    home = Path(sys.argv[1]).resolve()
    if home.exists() and any(home.iterdir()):
        sys.exit(f"{home} is not empty; name a new folder.")
    from tests.hub.home import build

    build(home)
    print(f"Tiny random models are in {home}. To use them:")
    print(f"VEMOCLAP_HOME={home} vemoclap analyze samples/launch.mp4 --preset paper")
