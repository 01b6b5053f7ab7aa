"""Where the app is shown, and what that changes."""

import os
import sys
from enum import StrEnum

PAGE_VARIABLE = "VEMOCLAP_PAGE"  # set by ``vemoclap app`` for the processes of its visitors
PAGE_UPLOAD_MB = 200
NOTEBOOK_UPLOAD_MB = 10  # what Jupyter's server takes in one message, unless told otherwise
# What Jupyter's server sends in three seconds before it drops the rest, some left for the others.
NOTEBOOK_MESSAGE_BYTES = 2_500_000


class Place(StrEnum):
    """The programs that show notebooks, as far as they differ for us."""

    PAGE = "page"  # Voila: all cells are run at once, when the page is opened
    COLAB = "colab"  # has its own way to upload and download; threads cannot change widgets there
    NOTEBOOK = "notebook"  # Jupyter, VS Code


def here() -> Place:
    """Return where this process is shown."""
    page = os.environ.get(PAGE_VARIABLE) == "1"
    if page or os.environ.get("SERVER_SOFTWARE", "").startswith("voila/"):
        return Place.PAGE
    return Place.COLAB if "google.colab" in sys.modules else Place.NOTEBOOK
