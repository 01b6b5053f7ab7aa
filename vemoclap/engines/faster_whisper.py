"""Speech in any language to English text: Whisper large-v3 run by CTranslate2 (faster-whisper)."""

import os
from collections.abc import Callable

import numpy as np

from vemoclap.engines import gating
from vemoclap.errors import WeightsError
from vemoclap.records import Clip, Cue, Span, Transcript
from vemoclap.weights import cache

ARTEFACT = "faster-whisper-large-v3"
SOURCE = "Whisper large-v3 (faster-whisper), translated to English"
BEAMS = 5  # the library's own default, as in the figures that it publishes


def load(device: str) -> Callable[[Clip, tuple[Span, ...]], Transcript | None]:
    """Return a listener: clip and its spans of speech -> the words in English.

    It is not asked where nobody speaks, and what it writes wholly outside the spans is dropped;
    None where no words are left. On a GPU it runs in float16, which is how its weights are
    published; on a CPU in int8, as float32 would take 6 GB instead of 1.6 and over twice the
    time. When it is unsure it draws words at random, from a seed that is set when the model is
    loaded: the same videos in the same order give the same words.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    import ctranslate2
    from faster_whisper import WhisperModel

    cache.use_offline()
    folder = cache.folder(ARTEFACT)
    if not (folder / "tokenizer.json").is_file():  # the library would look for one on the network
        raise WeightsError(
            f"{folder} has no tokenizer.json; run `vemoclap models download faster-whisper`."
        )
    # CTranslate2 looks at the seed only when the model's own threads first draw a word.
    ctranslate2.set_random_seed(0)
    kind, _, index = device.partition(":")
    try:
        model = WhisperModel(
            str(folder),
            device=kind,
            device_index=int(index or 0),
            compute_type="float16" if kind == "cuda" else "int8",
            cpu_threads=os.cpu_count() or 1,
            local_files_only=True,
        )
    except Exception as error:  # the library raises many types, all of which mean the same here
        raise WeightsError(
            f"The model in {folder} could not be read ({error}); delete the folder and run "
            "`vemoclap models download faster-whisper`."
        ) from error

    def listen(clip: Clip, spans: tuple[Span, ...]) -> Transcript | None:
        if clip.audio is None or not spans:
            return None
        parts, about = model.transcribe(
            np.asarray(clip.audio, np.float32),
            task="translate",
            beam_size=BEAMS,
            vad_filter=False,  # the spans are the voice activity, the same as for other engines
        )
        cues = [Cue(part.start, part.end, part.text) for part in parts]
        text = "".join(cue.text for cue in cues)
        return gating.transcript(cues, text, spans, about.language, SOURCE)

    return listen
