"""``python -m vemoclap`` is the command ``vemoclap``."""

import sys

from vemoclap.cli import main

sys.exit(main())
