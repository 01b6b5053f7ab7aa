"""The errors that vemoclap raises on purpose.

Each message is one plain sentence that names the file or model, says what is wrong and what
to do about it; the command line prints it as it stands.
"""


class VemoclapError(Exception):
    """Anything that vemoclap can explain to the person who ran it."""


class UsageError(VemoclapError):
    """An option that does not exist or does not fit the others."""


class SourceError(VemoclapError):
    """The place named by the user does not lead to a file (a path, a sample, a link)."""


class MediaError(VemoclapError):
    """The file was refused: it is not a video that can be analysed."""


class WeightsError(VemoclapError):
    """Model weights are missing, damaged or not what they claim to be."""


class EngineError(VemoclapError):
    """A model could not be loaded or failed while it ran."""


class DataError(VemoclapError):
    """A collection of videos or features is damaged or does not fit what is asked of it."""
