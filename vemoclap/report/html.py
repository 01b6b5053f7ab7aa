"""What the pages share: where their texts are escaped, what may run in them, links to times."""

import base64
import functools
import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from vemoclap.records import MediaInfo
from vemoclap.report import wording
from vemoclap.report.player import moment, player
from vemoclap.version import __version__

if TYPE_CHECKING:
    from jinja2 import Template


def own(name: str) -> str:
    """Return a style or a script that lies beside this file."""
    return resources.files("vemoclap.report").joinpath(name).read_text("utf-8")


def digest(text: str) -> str:
    """Return what a page's policy calls a style or a script that it allows."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def when(linked: bool, time_s: float, shown: str = "") -> Markup:
    """Return a time as a link that moves the player, or as plain text where there is none."""
    clock = wording.clock(time_s)
    if not linked:
        return Markup("{}").format(shown or clock)
    link = '<a class="seek" href="#t={}" aria-label="{}, go there in the video">{}</a>'
    return Markup(link).format(moment(time_s), shown or clock, shown or clock)  # noqa: S704


def rendered(
    name: str,
    styles: tuple[str, ...],
    info: MediaInfo,
    folder: Path | None,
    *,
    embed_bytes: int,
    link: bool,
    **values: Any,
) -> str:
    """Return a page of a video, which needs nothing but the video.

    Every text from the file or a model passes through one finalizer, which removes control
    characters and escapes the rest. The one script and the styles are our own files, and the
    page's policy allows them by their digests and nothing else.

    Args:
        name: of the template.
        styles: names of files.
        info: of the video.
        folder: where the page will lie, for its link to the video; None: beside the video.
        embed_bytes: a video of up to this size goes into the page.
        link: whether the page may link to a video that it does not hold.
        values: what the template shows.
    """
    style, script = "".join(map(own, styles)), own("page.js")
    shown = player(info, folder, embed_bytes=embed_bytes, link=link)
    return template(name).render(
        style=Markup(style),  # noqa: S704  our own files
        script=Markup(script),  # noqa: S704
        style_digest=digest(style),
        script_digest=digest(script),
        media=info,
        name=wording.file_name(info.path),
        player=shown,
        when=functools.partial(when, shown.source is not None),
        w=wording,
        version=__version__,
        **values,
    )


@functools.cache
def template(name: str) -> "Template":
    """Return a page's template, which lies beside this file.

    Every text that goes into it passes through one finalizer, which removes control characters
    and escapes the rest.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

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
