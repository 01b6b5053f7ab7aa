"""Step 5: the analysis, its progress and its results."""

from pathlib import Path

from vemoclap.app import results, theme
from vemoclap.app.environment import Place
from vemoclap.app.jobs import BUSY
from vemoclap.app.over_time import OverTime
from vemoclap.app.results import File
from vemoclap.app.session import ANALYSE, Session
from vemoclap.app.theme import text
from vemoclap.records import Progress
from vemoclap.report import wording

TITLE = "Analyse"
ABOUT = "Seconds to minutes a video; the first one takes longer, as the models are loaded."
FOLDER = Path("results")
WHOLE, OVER_TIME = "whole", "time"  # the two tabs


class AnalyseStep:
    """The widgets of step 5."""

    def __init__(self, session: Session, where: Place) -> None:
        import ipywidgets

        self._session, self._where = session, where
        self._problem = ""
        self._now: tuple[str, int, int] | None = None  # stage, done, total
        self._files: list[File] = []
        self._head = theme.markup()
        self._button = ipywidgets.Button(description="Analyse", button_style="primary")
        self._stop = ipywidgets.Button(description="Stop")
        self._state = theme.markup()
        self._about = theme.markup()
        self._links = theme.markup()
        self._report = theme.markup("", "vc-results")
        self._take = ipywidgets.Button(description="Save everything")  # Colab's own way
        self._tabs = ipywidgets.ToggleButtons(
            options=[("Whole video", WHOLE), ("Over time", OVER_TIME)], value=WHOLE
        )
        self._tabs.add_class("vc-tabs")
        self._whole = ipywidgets.VBox(
            [
                self._state,
                theme.row(self._button, self._stop),
                self._about,
                self._links,
                self._take,
                self._report,
            ]
        )
        self.over_time = OverTime(session, where)
        self.view = theme.card(ANALYSE, self._head, self._tabs, self._whole, self.over_time.view)
        self._tabs.observe(lambda _: self._show_tab(), "value")
        self._button.on_click(lambda _: self.run(again=True))
        self._stop.on_click(lambda _: session.work.stop())
        self._take.on_click(lambda _: results.save_on_colab(FOLDER, self._files))
        session.listen(self.refresh)
        self.refresh()

    def run(self, *, again: bool = False) -> None:
        """Analyse the chosen video, unless its results are here and nobody asks for them anew."""
        session = self._session
        self._problem = ""
        if session.lacks(ANALYSE) or (session.up_to_date and self._files and not again):
            self.refresh()
            return

        def hear(stage: str, done: int, total: int) -> None:
            self._now = (stage, done, total)
            self._show_state()

        def job(tell: Progress) -> None:
            session.analyse(tell)
            tell("report", 0, 1)
            self._publish()
            tell("report", 1, 1)

        def finished(problem: str | None) -> None:
            self._now, self._problem = None, problem or ""
            session.changed()

        self._now = ("video", 0, 0)
        if not session.work.start(job, progress=hear, finished=finished):
            self._now, self._problem = None, BUSY
        session.changed()

    def _publish(self) -> None:
        """Show the results; the report first, as everything else is in it."""
        analysis = self._session.analysis
        assert analysis is not None
        self._files = results.files(analysis, self._where)
        self._report.value = results.frame(self._files[0], self._where)
        self._links.value = results.links(self._files, self._where)
        about = f"Results of {wording.name_of(analysis)}"
        stored = ""
        if self._where is not Place.PAGE:
            stem = self._files[0].name.rpartition(".")[0]
            stored = f"All files are in {results.store(self._files, FOLDER / stem)}."
        self._about.value = f'<h3>{text(about)}</h3><p class="vc-plain">{text(stored)}</p>'

    # -- what the visitor sees --------------------------------------------------------------

    def refresh(self) -> None:
        """Show the state of the session."""
        session = self._session
        lacking, busy = session.lacks(ANALYSE), session.work.busy
        self._head.value = theme.head(
            ANALYSE, TITLE, ABOUT, done=session.up_to_date, locked=lacking is not None
        )
        self._button.disabled = busy
        self._button.description = "Analyse again" if session.up_to_date else "Analyse"
        theme.shown(self._button, lacking is None and self._now is None)
        theme.shown(self._stop, self._now is not None and session.work.background)
        theme.shown(self._take, bool(self._files) and self._where is Place.COLAB)
        self._show_tab()
        self._show_state()

    def _show_tab(self) -> None:
        """Show one of the two ways to look at a video, once there is one."""
        locked = self._session.lacks(ANALYSE) is not None
        theme.shown(self._tabs, not locked)
        theme.shown(self._whole, locked or self._tabs.value == WHOLE)
        theme.shown(self.over_time.view, not locked and self._tabs.value == OVER_TIME)

    def _show_state(self) -> None:
        session = self._session
        if self._now is not None:
            self._state.value = _stages(*self._now)
        elif self._problem:
            self._state.value = theme.note(self._problem, "bad")
        elif lacking := session.lacks(ANALYSE):
            self._state.value = theme.note(lacking)
        elif session.up_to_date:
            self._state.value = theme.note(
                "Done. For the next video, go back to step 3 or 4.", "good"
            )
        else:
            assert session.source is not None
            count = session.frame_count
            self._state.value = (
                f'<p class="vc-plain">Ready to analyse <b>{text(session.source.name)}</b>, '
                f"{count} frame{'' if count == 1 else 's'}, preset {text(session.preset)}.</p>"
            )


def _stages(stage: str, done: int, total: int) -> str:
    """Return the stages of an analysis, ticked off so far, and how far the present one is."""
    from vemoclap.analyser import STAGES

    names = (*STAGES, "report")
    at = names.index(stage) if stage in names else 0
    items = []
    for index, name in enumerate(names):
        state = "done" if index < at else "now" if index == at else "next"
        mark = "&#10003; " if index < at else ""
        current = ' aria-current="step"' if index == at else ""
        items.append(f'<li class="vc-{state}"{current}>{mark}{text(name)}</li>')
    share = f" {done} of {total}" if total > 1 else ""
    inner = min(1.0, done / total) if total > 0 else 0.0
    return (
        f'<p class="vc-plain" role="status">Working on: {text(stage)}{share}</p>'
        + theme.meter(round(100 * (at + inner)), 100 * len(names), "Progress")
        + f'<ol class="vc-stages">{"".join(items)}</ol>'
    )
