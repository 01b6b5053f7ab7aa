"""The screen of Lee & Kim: a video on the left, and on the right its utterances as they come.

It needs none of the steps: it takes a file, submits it, and can be cleared and used again.
"""

from typing import TYPE_CHECKING, Any

from vemoclap.app import environment, private_folder, span_card, theme
from vemoclap.app.environment import Place
from vemoclap.app.jobs import BUSY, sentence
from vemoclap.app.session import LIMITS, Bench, Labels, Session, bench, follow, mean_of, options
from vemoclap.app.theme import text
from vemoclap.app.video_step import sent
from vemoclap.errors import SourceError
from vemoclap.timeline.records import Kind
from vemoclap.timeline.spans import UTTERANCE

if TYPE_CHECKING:
    from ipywidgets import Widget

    from vemoclap.media.sources import Source
    from vemoclap.records import Progress
    from vemoclap.timeline.records import Moment, Timeline

TITLE = "Utterance by utterance"
ABOUT = "A way of its own to look at a video, without the steps: give a file and submit it."
NO_WEIGHTS = (
    "No trained weights of the end-to-end model of Lee & Kim are published. Train it with "
    "vemoclap mer train DATA and give the folder of its checkpoint here. While the field is empty, "
    "the preset's own engine judges: "
)
OWN = {  # preset -> what judges where no checkpoint is given
    "embedded": "the untrained estimate of the embedded preset.",
    "": "that of the best preset that is complete on this machine.",
}
WAITING = "The results show here, one utterance after the other."
NOTHING_CHOSEN = "Choose a video first."
COLAB_UPLOAD = "Submit asks for a file below this cell."


class Utterances:
    """The widgets of the screen."""

    def __init__(self, session: Session, where: Place) -> None:
        import ipywidgets

        self._session, self._where = session, where
        self._problem, self._hint = "", ""
        self._now: tuple[str, int, int] | None = None
        self._source: Source | None = None
        self._bench: Bench | None = None
        self._moments: list[Moment] = []
        self._labels: Labels | None = None
        self._upload = ipywidgets.FileUpload(
            accept="video/*,.mkv", multiple=False, description="Choose a video"
        )
        self._path = ipywidgets.Text(description="or path", placeholder="/folder/of/video.mp4")
        self._chosen = theme.markup()
        self._checkpoint = ipywidgets.Text(
            description="Checkpoint", placeholder="folder of a trained model, or nothing"
        )
        for field in (self._path, self._checkpoint):
            field.add_class("vc-wide")
        self._judges = theme.markup()
        self._submit = ipywidgets.Button(description="Submit", button_style="primary")
        self._clear = ipywidgets.Button(description="Clear")
        self._stop = ipywidgets.Button(description="Stop here")
        self._state = theme.markup()
        self._spans = ipywidgets.VBox([])
        self._spans.add_class("vc-spans")
        self._mean = theme.markup()
        self.view = theme.titled_card(
            "utterances",
            TITLE,
            ABOUT,
            self._columns(),
        )
        self._upload.observe(lambda change: self._uploaded(change["new"]), "value")
        self._path.observe(lambda change: self._typed(change["new"]), "value")
        self._submit.on_click(lambda _: self.submit())
        self._clear.on_click(lambda _: self.clear())
        self._stop.on_click(lambda _: session.work.stop())
        session.listen(self.refresh)
        self.refresh()

    def _columns(self) -> "Widget":
        import ipywidgets

        left = ipywidgets.VBox(
            [
                *self._choosing(),
                self._chosen,
                theme.row(self._submit, self._clear, self._stop),
                self._checkpoint,
                self._judges,
            ]
        )
        right = ipywidgets.VBox([self._state, self._mean, self._spans])
        left.add_class("vc-left")
        right.add_class("vc-right")
        both = ipywidgets.HBox([left, right])
        both.add_class("vc-columns")
        return both

    def _choosing(self) -> list["Widget"]:
        if self._where is Place.COLAB:
            return [theme.markup(f'<p class="vc-plain">{text(COLAB_UPLOAD)}</p>'), self._path]
        most = (
            environment.PAGE_UPLOAD_MB
            if self._where is Place.PAGE
            else environment.NOTEBOOK_UPLOAD_MB
        )
        limit = f"Videos of up to {most} MB and one hour."
        told = theme.markup(f'<p class="vc-plain vc-soft vc-limit">{text(limit)}</p>')
        return [self._upload, told, self._path]

    # -- what the visitor does --------------------------------------------------------------

    def _uploaded(self, value: Any) -> None:
        found = sent(value)
        if found is None:
            return
        name, content = found
        self._take(lambda: self._stored(content, name))
        self._upload.value = type(value)()  # gives the memory back
        self._path.value = ""

    def _stored(self, content: Any, name: str) -> "Source":
        from vemoclap.media import sources

        return sources.from_upload(content, name, self._session.private, limits=LIMITS)

    def _typed(self, value: str) -> None:
        if value.strip():
            self._take(lambda: self._named(value))

    def _named(self, value: str) -> "Source":
        from vemoclap.media import sources

        found = sources.from_path(value)
        if private_folder.is_anothers(found.path, self._session.private):
            raise SourceError(f"There is no file {value.strip()!r}; check the path.")
        return found

    def _take(self, find: Any) -> None:
        """Take a video, unless it is refused; the one before goes in any case."""
        self._problem = self._hint = ""
        if self._session.work.busy:
            self._problem = BUSY
        else:
            self._drop()
            try:
                self._source = find()
            except Exception as error:
                self._problem = sentence(error)
        self.refresh()

    def _drop(self) -> None:
        """Forget the video, and remove it if it was uploaded."""
        from vemoclap.media.sources import Kind as From

        if self._source is not None and self._source.kind is From.UPLOAD:
            self._source.path.unlink(missing_ok=True)
        self._source = None

    def clear(self) -> None:
        """Forget the video and its results, for the next one."""
        if self._session.work.busy:
            self._hint = BUSY
        else:
            self._drop()
            self._problem = self._hint = self._path.value = ""
            self._forget_results()
        self.refresh()

    def _forget_results(self) -> None:
        self._moments, self._labels = [], None
        self._spans.children, self._mean.value = (), ""

    def submit(self) -> None:
        """Judge the video, utterance by utterance."""
        session, checkpoint = self._session, self._checkpoint.value
        self._problem = self._hint = ""
        if self._source is None and self._where is Place.COLAB and not session.work.busy:
            self._upload_on_colab()
        source = self._source
        if source is None:
            self._hint = NOTHING_CHOSEN
            self.refresh()
            return

        def progress(stage: str, done: int, total: int) -> None:
            self._now = (stage, done, total)
            self._show_state()

        def job(tell: "Progress") -> None:
            tell("models", 0, 0)
            bench = self._ready(checkpoint)
            chosen = options(UTTERANCE)
            found = follow(source.path, chosen, bench, progress=tell, hear=self._hear)
            self._finish(found)

        def finished(problem: str | None) -> None:
            self._now, self._problem = None, problem or ""
            session.changed()

        if session.work.busy:
            self._hint = BUSY
            self.refresh()
            return
        self._forget_results()
        self._now = ("models", 0, 0)
        if not session.work.start(job, progress=progress, finished=finished):
            self._now, self._hint = None, BUSY
        session.changed()

    def _ready(self, checkpoint: str) -> Bench:
        """Return what judges, made again only where something else is asked for."""
        built = self._session.analyser
        if built is not None and not checkpoint.strip():
            return Bench((built.preset.name, ""), built, None)
        preset = built.preset.name if built is not None else "auto"
        self._bench = bench(preset, checkpoint, self._bench)
        return self._bench

    def _upload_on_colab(self) -> None:
        from google.colab import files

        for name, content in files.upload().items():
            self._take(lambda name=name, content=content: self._stored(content, name))
            break

    # -- what comes back --------------------------------------------------------------------

    def _hear(self, moment: "Moment", labels: Labels, total: int) -> None:
        self._labels = labels
        if moment.kind is Kind.SILENCE:
            return  # nobody speaks, so it is no utterance
        self._moments.append(moment)
        card = theme.markup(span_card.card(moment, labels, len(self._moments)))
        self._spans.children = (*self._spans.children, card)

    def _finish(self, found: "Timeline") -> None:
        count = len(self._moments)
        labels = Labels(found.labels, found.thresholds)
        if not count:
            self._hint = "Nobody speaks in this video, so it has no utterances."
            return
        noun = "utterance" if count == 1 else "utterances"
        about = f"The mean of {count} {noun}, weighted by length. {found.note}"
        self._mean.value = span_card.mean_card("The video", mean_of(self._moments), labels, about)

    # -- what the visitor sees --------------------------------------------------------------

    def refresh(self) -> None:
        """Show the state."""
        session, working = self._session, self._now is not None
        busy = session.work.busy
        for widget in (self._upload, self._path, self._checkpoint, self._submit):
            widget.disabled = busy
        self._clear.disabled = busy
        theme.shown(self._stop, working and session.work.background)
        built = session.preset or ""
        own = OWN.get(built, f"that of the preset {built}.")
        self._judges.value = f'<p class="vc-plain vc-soft">{text(NO_WEIGHTS + own)}</p>'
        self._chosen.value = (
            theme.note(f"Chosen: {self._source.name}", "good") if self._source else ""
        )
        self._show_state()

    def _show_state(self) -> None:
        if self._now is not None:
            self._state.value = theme.working(*self._now)
        elif self._problem:
            self._state.value = theme.note(self._problem, "bad")
        elif self._hint:
            self._state.value = theme.note(self._hint)
        elif self._moments:
            self._state.value = theme.note("Done. Clear, and take the next video.", "good")
        else:
            self._state.value = theme.note(WAITING)
