"""Step 2: the models, downloaded once for any number of videos."""

from vemoclap.app import theme
from vemoclap.app.jobs import BUSY
from vemoclap.app.session import BUILD, Session, best_preset, needed
from vemoclap.app.theme import text
from vemoclap.files import amount
from vemoclap.records import Progress
from vemoclap.weights import cache, download

TITLE = "Build models"
ABOUT = "Once for any number of videos. Minutes to half an hour to download, seconds if it is here."
AUTO = "auto"
WHAT = {
    "paper": "The models of the paper, for a machine with a GPU.",
    "fast": "The same with a quicker speech recogniser, for a machine without a GPU.",
    "embedded": "No downloads: faces, screen text, subtitles and curves, with an untrained estimate"
    " of the emotion. Needs no network.",
}
LABELS = {"paper": "Paper", "fast": "Fast", "embedded": "Embedded"}
OFFER = "The embedded preset needs no downloads: you may go on with it."


class BuildStep:
    """The widgets of step 2."""

    def __init__(self, session: Session) -> None:
        import ipywidgets

        self._session = session
        self._downloads: dict[str, tuple[str, int, int]] = {}  # artefact -> stage, done, total
        self._problem = ""
        self._building = False
        self._head = theme.markup()
        self._choice = ipywidgets.ToggleButtons(
            options=[(label, name) for name, label in LABELS.items()], value=best_preset()
        )
        self._what = theme.markup()
        self._button = ipywidgets.Button(description="Build models", button_style="primary")
        self._offer = ipywidgets.Button(description="Use embedded")
        self._stop = ipywidgets.Button(description="Stop")
        self._state = theme.markup()
        self.view = theme.card(
            BUILD,
            self._head,
            self._choice,
            self._what,
            self._state,
            theme.row(self._button, self._offer, self._stop),
        )
        self._choice.observe(lambda _: self._chosen(), "value")
        self._button.on_click(lambda _: self.run())
        self._offer.on_click(lambda _: self.run("embedded"))
        self._stop.on_click(lambda _: session.work.stop())
        session.listen(self.refresh)
        self.refresh()

    def run(self, preset: str | None = None) -> None:
        """Build a preset, the one that is chosen if none is named."""
        session = self._session
        if preset == AUTO:
            preset = session.preset or best_preset()
        if preset is not None:
            self._choice.value = preset
        name: str = self._choice.value
        if name == session.preset:
            return
        if session.work.busy:
            self._problem = BUSY
            self.refresh()
            return
        self._problem, self._downloads, self._building = "", {}, True

        def job(tell: Progress) -> None:
            tell("looking", 0, 0)

            def progress_of(artefact: str) -> Progress:
                def hear(stage: str, done: int, total: int) -> None:
                    self._downloads[artefact] = (stage, done, total)
                    tell(f"{artefact}: {stage}", done, total)

                return hear

            session.build(name, progress_of)

        def finished(problem: str | None) -> None:
            self._problem, self._building = problem or "", False
            session.changed()

        session.work.start(job, progress=lambda *_: self._show_state(), finished=finished)
        session.changed()

    def refresh(self) -> None:
        """Show the state of the session."""
        session = self._session
        busy, name = session.work.busy, self._choice.value
        built = session.preset
        self._head.value = theme.head(BUILD, TITLE, ABOUT, done=built is not None)
        self._choice.disabled = busy
        theme.shown(self._button, not busy and name != built)
        theme.shown(self._stop, self._building and session.work.background)
        theme.shown(
            self._offer, bool(self._problem) and not busy and "embedded" not in (name, built)
        )
        self._what.value = self._described(name)
        self._show_state()

    def _chosen(self) -> None:
        self._problem = ""
        self.refresh()

    def _described(self, name: str) -> str:
        if name == self._session.preset:
            return ""
        lacking = [row for row in needed(name) if cache.missing(row.name)]
        size = amount(sum(row.size_mb for row in lacking) * 1e6)
        still = f"{size} still to download." if lacking else "All of it is here."
        if name == "embedded":
            still = ""
        rows = "".join(
            f"<tr><td>{text(row.name)}</td><td>{text(row.licence)}</td>"
            f'<td class="vc-number">{text(amount(row.size_mb * 1e6))}</td></tr>'
            for row in lacking
        )
        table = (
            f"<details><summary>What is downloaded</summary><div class='vc-scroll'><table>"
            f"<thead><tr><th>Model</th><th>Licence</th><th class='vc-number'>Size</th></tr></thead>"
            f"<tbody>{rows}</tbody></table></div></details>"
            if rows
            else ""
        )
        return f'<p class="vc-plain">{text(WHAT[name])} {text(still)}</p>{table}'

    def _show_state(self) -> None:
        session, parts = self._session, []
        if self._downloads and (self._building or self._problem):
            parts.append(self._bars())
        if self._problem:
            parts.append(theme.note(self._problem, "bad"))
            if self._offer.layout.display is None:
                parts.append(theme.note(OFFER))
            elif session.preset is not None:
                parts.append(theme.note(f"The preset {session.preset} stays in use."))
        elif self._building and not self._downloads:
            parts.append(theme.note("Getting ready …"))
        elif session.preset is not None and self._choice.value == session.preset:
            parts.append(
                theme.note(f"The models of the preset {session.preset} are ready.", "good")
            )
        self._state.value = "".join(parts)

    def _bars(self) -> str:
        bars = []
        for row in needed(self._choice.value):
            if row.name not in self._downloads:
                continue
            stage, done, total = self._downloads[row.name]
            size = (
                amount(total)
                if stage in (download.DONE, download.FAILED)
                else f"{amount(done)} of {amount(total)}"
            )
            bars.append(
                f"<li><span>{text(row.name)}</span>{theme.meter(done, total, row.name)}"
                f"<span>{text(size)}, {text(stage)}</span></li>"
            )
        return f'<ul class="vc-downloads">{"".join(bars)}</ul>'
