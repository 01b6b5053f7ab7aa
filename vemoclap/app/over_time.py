"""The second tab of step 5: the emotion of the chosen video over time, span by span."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.app import results, span_card, theme
from vemoclap.app.environment import Place
from vemoclap.app.jobs import BUSY, INTERVAL_S
from vemoclap.app.results import File
from vemoclap.app.session import ANALYSE, LENGTHS_S, Bench, Labels, Session, follow, options
from vemoclap.app.theme import text
from vemoclap.records import Progress
from vemoclap.report.wording import file_name
from vemoclap.timeline.spans import LENGTH_S, UTTERANCE, WINDOW

if TYPE_CHECKING:
    from vemoclap.timeline.records import Moment, Timeline

ABOUT = (
    "Cuts the video into spans and judges each on its own. The spans show here as they are ready; "
    "the curve, the strongest moments and the files follow at the end."
)
FOLDER = Path("results")
NEWEST = 3  # spans that are shown while more come


class OverTime:
    """The widgets of the tab."""

    def __init__(self, session: Session, where: Place) -> None:
        import ipywidgets

        self._session, self._where = session, where
        self._problem = ""
        self._now: tuple[str, int, int] | None = None
        self._cards: list[str] = []
        self._files: list[File] = []
        self.timeline: Timeline | None = None
        self._by = ipywidgets.ToggleButtons(
            options=[("By utterance", UTTERANCE), ("By window", WINDOW)], value=UTTERANCE
        )
        low, high = LENGTHS_S
        self._length = ipywidgets.BoundedFloatText(
            description="Seconds", value=LENGTH_S, min=low, max=high
        )
        self._button = ipywidgets.Button(description="Follow over time", button_style="primary")
        self._stop = ipywidgets.Button(description="Stop following")
        self._state = theme.markup()
        self._newest = theme.markup("", "vc-newest")
        self._about = theme.markup()
        self._links = theme.markup()
        self._take = ipywidgets.Button(description="Save all files")  # Colab's own way
        self._page = theme.markup("", "vc-results")
        self.view = ipywidgets.VBox(
            [
                theme.markup(f'<p class="vc-plain vc-soft">{text(ABOUT)}</p>'),
                self._by,
                self._length,
                theme.row(self._button, self._stop),
                self._state,
                self._newest,
                self._about,
                self._links,
                self._take,
                self._page,
            ]
        )
        self._by.observe(lambda _: self.refresh(), "value")
        self._button.on_click(lambda _: self.run())
        self._stop.on_click(lambda _: session.work.stop())
        self._take.on_click(lambda _: results.save_on_colab(FOLDER, self._files))
        session.listen(self.refresh)
        self.refresh()

    def run(self) -> None:
        """Follow the chosen video; results of the one before go when the first span comes."""
        session = self._session
        self._problem = ""
        if session.lacks(ANALYSE):
            self.refresh()
            return
        source, analyser = session.source, session.analyser
        assert source is not None
        assert analyser is not None

        def progress(stage: str, done: int, total: int) -> None:
            self._now = (stage, done, total)
            self._show_state()

        def job(tell: Progress) -> None:
            chosen = options(self._by.value, self._length.value)
            bench = Bench((analyser.preset.name, ""), analyser, None)
            found = follow(source.path, chosen, bench, progress=tell, hear=self._hear)
            tell("report", 0, 1)
            self._publish(found)
            tell("report", 1, 1)

        def finished(problem: str | None) -> None:
            self._now, self._problem = None, problem or ""
            if problem is None:
                self._newest.value = ""
            session.changed()

        self._now, self._cards, self._shown_at = ("video", 0, 0), [], 0.0
        self._newest.value = ""
        if not session.work.start(job, progress=progress, finished=finished):
            self._now, self._problem = None, BUSY
        session.changed()

    def _hear(self, moment: "Moment", labels: Labels, total: int) -> None:
        self._cards = [span_card.card(moment, labels, moment.index + 1), *self._cards][:NEWEST]
        now = time.monotonic()
        if now - self._shown_at < INTERVAL_S and moment.index + 1 < total:
            return
        self._shown_at = now
        count = f"{moment.index + 1} of {total} spans, the newest first" if total else "Spans"
        self._newest.value = (
            f"<h3>{text(count)}</h3>" + f'<div class="vc-strip">{"".join(self._cards)}</div>'
        )

    def _publish(self, found: "Timeline") -> None:
        self.timeline = found
        self._files = results.timeline_files_of(found, self._where)
        self._page.value = results.frame(self._files[0], self._where)
        self._links.value = results.links(self._files, self._where)
        stored = ""
        if self._where is not Place.PAGE:
            stem = self._files[0].name.rpartition(".")[0]
            stored = f"All files are in {results.store(self._files, FOLDER / stem)}."
        self._about.value = (
            f"<h3>{text(f'{file_name(found.info.path)} over time')}</h3>"
            f'<p class="vc-plain">{text(stored)}</p>'
        )

    # -- what the visitor sees --------------------------------------------------------------

    def refresh(self) -> None:
        """Show the state of the session."""
        session = self._session
        busy, working = session.work.busy, self._now is not None
        lacking = session.lacks(ANALYSE) is not None
        for widget in (self._button, self._by, self._length):
            widget.disabled = busy
        theme.shown(self._by, not lacking)
        theme.shown(self._length, not lacking and self._by.value == WINDOW)
        theme.shown(self._button, not lacking and not working)
        theme.shown(self._stop, working and session.work.background)
        theme.shown(self._take, bool(self._files) and self._where is Place.COLAB)
        self._show_state()

    def _show_state(self) -> None:
        session = self._session
        if self._now is not None:
            self._state.value = theme.working(*self._now)
        elif self._problem:
            self._state.value = theme.note(self._problem, "bad")
        elif lacking := session.lacks(ANALYSE):
            self._state.value = theme.note(lacking)
        elif self.timeline is not None and session.source is not None:
            same = self.timeline.info.path == session.source.path
            said = "" if same else f"These are of the video before; next is {session.source.name}."
            self._state.value = theme.note(said)
        else:
            self._state.value = ""
