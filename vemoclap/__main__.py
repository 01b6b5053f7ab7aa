"""``python -m vemoclap`` is the command ``vemoclap``."""

import sys

from vemoclap.cli.main import main

sys.exit(main())
