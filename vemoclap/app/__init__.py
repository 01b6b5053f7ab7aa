"""The five steps of ``app.ipynb``, as widgets over one ``Session`` per process.

Below the last one lies the second screen, which judges a video utterance by utterance.

    from vemoclap import app
    app.step(2)

A cell that is run again shows the same step, in the state that it has reached.
"""

import functools
from typing import TYPE_CHECKING, Any

from vemoclap.app.environment import Place, here

if TYPE_CHECKING:
    from vemoclap.app.session import Session

__all__ = ["step"]

LAST = 5  # step


def step(number: int, **choices: Any) -> None:
    """Show a step and take it, as far as that needs no more than running its cell.

    On a page, which runs all cells when it is opened, steps are only shown.

    Args:
        number: of the step, 1 to 5.
        choices: ``preset`` for step 2.
    """
    from vemoclap.app.jobs import sentence
    from vemoclap.engines import quiet

    with quiet.silence(for_good=here() is Place.PAGE):
        try:
            _take(number, **choices)
        except (Exception, KeyboardInterrupt) as error:
            _display_sentence(sentence(error))


def _take(number: int, **choices: Any) -> None:
    from IPython.display import display

    if number == 1:
        display(_installed())
        return
    taken = _steps()[number]
    display(taken.view)
    if here() is not Place.PAGE:
        taken.run(**choices)
    if number == LAST:
        display(_screen().view)


@functools.cache
def _session() -> "Session":
    from vemoclap.app import private_folder
    from vemoclap.app.session import Session

    # Colab shows nothing of what a thread changes; elsewhere a running cell is what people expect.
    return Session(private_folder.private(), background=here() is Place.PAGE)


@functools.cache
def _screen() -> Any:
    from vemoclap.app.utterances import Utterances

    return Utterances(_session(), here())


@functools.cache
def _steps() -> dict[int, Any]:
    from vemoclap.app.analyse_step import AnalyseStep
    from vemoclap.app.build_step import BuildStep
    from vemoclap.app.source_step import SourceStep
    from vemoclap.app.video_step import VideoStep

    session, where = _session(), here()
    return {
        2: BuildStep(session),
        3: SourceStep(session, where),
        4: VideoStep(session, where),
        5: AnalyseStep(session, where),
    }


def _installed() -> Any:
    from vemoclap.app import theme
    from vemoclap.version import __version__

    about = f"vemoclap {__version__} is installed, with all it needs."
    return theme.card(1, theme.markup(theme.head(1, "Install", about, done=True)))


def _display_sentence(message: str) -> None:
    from IPython.display import HTML, display

    from vemoclap.app import theme

    display(HTML(theme.style() + f'<div class="vc-card">{theme.note(message, "bad")}</div>'))
