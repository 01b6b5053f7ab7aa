"""Step 4: which video, and how many of its frames to look at."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vemoclap.app import environment, theme
from vemoclap.app.environment import Place
from vemoclap.app.jobs import BUSY, sentence
from vemoclap.app.session import MAX_FRAMES, VIDEO, Session
from vemoclap.app.theme import text
from vemoclap.errors import SourceError
from vemoclap.files import amount
from vemoclap.media import sources
from vemoclap.media.sources import Kind, Sample
from vemoclap.media.youtube import check

if TYPE_CHECKING:
    from ipywidgets import Widget

TITLE = "Choose the video"
ABOUT = "One click for a sample; a link or an upload takes as long as the file is large."
TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
COLAB_UPLOAD = "Run this cell again to upload a file: Colab then asks for it below the cell."


class VideoStep:
    """The widgets of step 4."""

    def __init__(self, session: Session, where: Place) -> None:
        import ipywidgets

        self._session, self._where = session, where
        self._problem = ""
        self._kind: Kind | None = None
        self._fetching: tuple[str, int, int] | None = None
        self._samples = {sample.name: sample for sample in _samples()}
        self._head = theme.markup()
        self._sample = ipywidgets.ToggleButtons(
            options=[(name.capitalize(), name) for name in self._samples], value=None
        )
        self._preview = theme.markup()
        self._link = ipywidgets.Text(
            description="Link", placeholder="https://www.youtube.com/watch?v=…"
        )
        self._fetch = ipywidgets.Button(description="Get the video", disabled=True)
        self._stop = ipywidgets.Button(description="Stop")
        self._upload = ipywidgets.FileUpload(
            accept="video/*,.mkv", multiple=False, description="Choose a file"
        )
        self._path = ipywidgets.Text(description="Path", placeholder="/folder/video.mp4")
        self._frames = ipywidgets.BoundedIntText(
            description="Frames", value=session.frame_count, min=1, max=MAX_FRAMES
        )
        for widget in (self._link, self._path):
            widget.add_class("vc-wide")
        self._parts: dict[Kind, Widget] = {
            Kind.SAMPLE: ipywidgets.VBox([self._sample, self._preview]),
            Kind.YOUTUBE: ipywidgets.VBox([self._link, theme.row(self._fetch, self._stop)]),
            Kind.UPLOAD: self._upload_part(),
            Kind.PATH: self._path,
        }
        self._hint = theme.markup()  # about what is being typed
        self._state = theme.markup()
        about_frames = f"How many frames to look at, from 1 to {MAX_FRAMES}; more take longer."
        self._frames_part = ipywidgets.VBox(
            [self._frames, theme.markup(f'<p class="vc-plain vc-soft">{text(about_frames)}</p>')]
        )
        self.view = theme.card(
            VIDEO, self._head, *self._parts.values(), self._hint, self._state, self._frames_part
        )
        self._watch()
        session.listen(self.refresh)
        self.refresh()

    def _watch(self) -> None:
        self._sample.observe(lambda change: self._take_sample(change["new"]), "value")
        self._link.observe(lambda _: self._link_typed(), "value")
        self._fetch.on_click(lambda _: self._get())
        self._stop.on_click(lambda _: self._session.work.stop())
        self._upload.observe(lambda change: self._uploaded(change["new"]), "value")
        self._path.observe(lambda change: self._path_typed(change["new"]), "value")
        self._frames.observe(lambda change: self._session.choose_frames(change["new"]), "value")

    def _upload_part(self) -> "Widget":
        import ipywidgets

        if self._where is Place.COLAB:
            return theme.markup(f'<p class="vc-plain">{text(COLAB_UPLOAD)}</p>')
        if self._where is Place.PAGE:
            limit = f"Videos of up to {environment.PAGE_UPLOAD_MB} MB and one hour."
        else:
            limit = (
                f"Videos of up to about {environment.NOTEBOOK_UPLOAD_MB} MB, which is what Jupyter "
                "lets through; of a larger one, give the path in step 3."
            )
        return ipywidgets.VBox(
            [self._upload, theme.markup(f'<p class="vc-plain vc-soft vc-limit">{text(limit)}</p>')]
        )

    # -- what the visitor does --------------------------------------------------------------

    def run(self) -> None:
        """Take the first sample if samples are wanted and none is chosen; on Colab, upload."""
        session = self._session
        if session.kind is Kind.SAMPLE and session.source is None and self._samples:
            self._take_sample(next(iter(self._samples)))
        if session.kind is Kind.UPLOAD and self._where is Place.COLAB:
            self._upload_on_colab()

    def _try(self, action: Callable[[], None]) -> None:
        """Do something that may be refused, and show why it was."""
        self._problem = ""
        try:
            if self._session.work.busy:
                self._problem = BUSY
            else:
                action()
        except Exception as error:
            self._problem = sentence(error)
        self.refresh()

    def _take_sample(self, name: str | None) -> None:
        if name is not None and self._shown_sample() != name:
            self._try(lambda: self._session.choose_sample(name))

    def _link_typed(self) -> None:
        self._try(self._session.forget_video)

    def _get(self) -> None:
        session, link = self._session, self._link.value

        def hear(stage: str, done: int, total: int) -> None:
            self._fetching = (stage, done, total)
            self.refresh()

        def finished(problem: str | None) -> None:
            self._fetching, self._problem = None, problem or ""
            session.changed()

        self._problem = ""
        self._fetching = ("asking YouTube", 0, 0)
        if not session.work.start(
            lambda tell: session.choose_link(link, tell), progress=hear, finished=finished
        ):
            self._problem = BUSY
        session.changed()

    def _uploaded(self, value: Any) -> None:
        found = sent(value)
        if found is None:
            return
        name, content = found
        self._try(lambda: self._session.choose_upload(content, name))
        # Give the memory back, and let the same file be chosen again.
        self._upload.value = type(value)()

    def _upload_on_colab(self) -> None:
        from google.colab import files

        for name, content in files.upload().items():
            self._try(lambda name=name, content=content: self._session.choose_upload(content, name))  # type: ignore[misc]
            break

    def _path_typed(self, value: str) -> None:
        self._try(
            lambda: (
                self._session.choose_path(value) if value.strip() else self._session.forget_video()
            )
        )

    # -- what the visitor sees --------------------------------------------------------------

    def refresh(self) -> None:
        """Show the state of the session."""
        session = self._session
        lacking, kind, busy = session.lacks(VIDEO), session.kind, session.work.busy
        if kind is not self._kind:
            self._kind, self._problem = kind, ""  # what went wrong was another source's
        self._head.value = theme.head(
            VIDEO, TITLE, ABOUT, done=session.source is not None, locked=lacking is not None
        )
        for one, part in self._parts.items():
            theme.shown(part, lacking is None and kind is one)
        theme.shown(self._frames_part, lacking is None)
        for widget in (self._sample, self._link, self._upload, self._path, self._frames):
            widget.disabled = busy
        self._show_sample()
        fetching = self._fetching is not None
        theme.shown(self._stop, fetching and session.work.background)
        problem = self._link_problem() if kind is Kind.YOUTUBE else None
        self._fetch.disabled = busy or problem is not None
        self._hint.value = ""
        if lacking:
            self._state.value = theme.note(lacking)
        elif self._fetching is not None:
            stage, done, total = self._fetching
            so_far = f": {amount(done)}" if done else ""
            self._state.value = theme.note(f"{stage.capitalize()}{so_far} …") + theme.meter(
                done, total, stage
            )
        elif self._problem:
            self._state.value = theme.note(self._problem, "bad")
        elif session.source is not None:
            self._state.value = theme.note(f"Chosen: {session.source.name}", "good")
        else:
            self._state.value = ""
            if kind is Kind.YOUTUBE and self._link.value.strip():
                hint = problem or "That is the link of a video."
                self._hint.value = theme.note(hint, "warn" if problem else "good")

    def _link_problem(self) -> str | None:
        try:
            check(self._link.value)
        except SourceError as error:
            return str(error)
        return None

    def _shown_sample(self) -> str | None:
        source = self._session.source
        return source.name if source is not None and source.kind is Kind.SAMPLE else None

    def _show_sample(self) -> None:
        chosen = self._shown_sample()
        if self._sample.value != chosen:
            self._sample.value = chosen
        content = _player(self._samples[chosen]) if chosen in self._samples else ""
        if self._preview.value != content:
            self._preview.value = content


def _samples() -> tuple[Sample, ...]:
    try:
        return sources.samples()
    except SourceError:
        return ()


def _player(sample: Sample) -> str:
    data = base64.b64encode(sample.path.read_bytes()).decode()
    kind = TYPES.get(sample.path.suffix, "video/mp4")
    return (
        f'<figure class="vc-preview"><video controls preload="metadata" '
        f'aria-label="{text(sample.name)}" src="data:{kind};base64,{data}"></video>'
        f"<figcaption>{text(sample.shows)}. {sample.duration_s:.0f} s, {sample.width} by "
        f"{sample.height} pixels, made to suggest {text(sample.emotion)}.</figcaption></figure>"
    )


def sent(value: Any) -> tuple[str, Any] | None:
    """Return name and content of an upload, which ipywidgets 7 and 8 tell differently."""
    if not value:
        return None
    if isinstance(value, dict):
        ((name, one),) = list(value.items())[:1]
        return str(name), one["content"]
    return str(value[0]["name"]), value[0]["content"]
