"""What the pages share: where their texts are escaped, what may run in them, links to times."""

import base64
import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

from vemoclap.report import wording
from vemoclap.report.player import moment

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def own(name: str) -> str:
    """Return a style or a script that lies beside this file."""
    return resources.files("vemoclap.report").joinpath(name).read_text("utf-8")


def digest(text: str) -> str:
    """Return what a page's policy calls a style or a script that it allows."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def when(linked: bool, time_s: float, shown: str = "") -> "Markup":
    """Return a time as a link that moves the player, or as plain text where there is none."""
    from markupsafe import Markup

    clock = wording.clock(time_s)
    if not linked:
        return Markup("{}").format(shown or clock)
    link = '<a class="seek" href="#t={}" aria-label="{}, go there in the video">{}</a>'
    return Markup(link).format(moment(time_s), shown or clock, shown or clock)  # noqa: S704


@functools.cache
def template(name: str) -> "Template":
    """Return a page's template, which lies beside this file.

    Every text that goes into it passes through one finalizer, which removes control characters
    and escapes the rest.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return wording.clean(value) if plain else value

    environment = Environment(
        loader=PackageLoader("vemoclap", "report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
