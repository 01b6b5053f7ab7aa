"""Step 3: where the video comes from."""

from vemoclap.app import theme
from vemoclap.app.environment import Place
from vemoclap.app.jobs import sentence
from vemoclap.app.session import SOURCE, Session
from vemoclap.media.sources import Kind

TITLE = "Choose a source"
ABOUT = "One click. Repeat steps 3 to 5 for the next video."
LABELS = {
    Kind.SAMPLE: "Sample video",
    Kind.YOUTUBE: "YouTube link",
    Kind.UPLOAD: "Upload",
    Kind.PATH: "File path",
}
WHAT = {
    Kind.SAMPLE: "One of this project's own short clips.",
    Kind.YOUTUBE: "A public video, at most an hour long. Where YouTube turns servers away, upload "
    "the file instead.",
    Kind.UPLOAD: "A file of yours. It is kept in a private folder and removed afterwards.",
    Kind.PATH: "A file that is on the machine that runs vemoclap already.",
}
ON_COLAB = "A file on this machine, such as one in a mounted Google Drive."


class SourceStep:
    """The widgets of step 3."""

    def __init__(self, session: Session, where: Place) -> None:
        import ipywidgets

        self._session, self._where = session, where
        self._problem = ""
        self._head = theme.markup()
        self._choice = ipywidgets.ToggleButtons(
            options=[(label, kind.value) for kind, label in LABELS.items()], value=None
        )
        self._state = theme.markup()
        self.view = theme.card(SOURCE, self._head, self._choice, self._state)
        self._choice.observe(lambda change: self._choose(change["new"]), "value")
        session.listen(self.refresh)
        self.refresh()

    def run(self) -> None:
        """Take the first kind of source, if none is chosen yet."""
        if self._session.kind is None:
            self._choose(Kind.SAMPLE.value)

    def refresh(self) -> None:
        """Show the state of the session."""
        session = self._session
        lacking, kind = session.lacks(SOURCE), session.kind
        self._head.value = theme.head(
            SOURCE, TITLE, ABOUT, done=kind is not None, locked=lacking is not None
        )
        theme.shown(self._choice, lacking is None)
        self._choice.disabled = session.work.busy
        if kind is not None:
            self._choice.value = kind.value
        if lacking or self._problem:
            self._state.value = theme.note(lacking or self._problem, "info")
        elif kind is not None:
            on_colab = kind is Kind.PATH and self._where is Place.COLAB
            about = ON_COLAB if on_colab else WHAT[kind]
            self._state.value = f'<p class="vc-plain">{theme.text(about)}</p>'
        else:
            self._state.value = ""

    def _choose(self, value: str | None) -> None:
        if value is None or (self._session.kind is not None and value == self._session.kind.value):
            return
        self._problem = ""
        try:
            self._session.choose_kind(Kind(value))
        except Exception as error:
            self._problem = sentence(error)
            self.refresh()
