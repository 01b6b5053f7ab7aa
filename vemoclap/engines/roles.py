"""The jobs that models do, the engines that can do each, and the presets that choose.

A role is a type of callable. An engine is one row of ``engine_table.ENGINES``, which names the
function that loads it for a device and returns such a callable. A preset is a frozen record with
one engine name per role, or None where the role stays empty, so ``dataclasses.replace(EMBEDDED,
ocr=None)`` is a new preset.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from typing import Any

from vemoclap.engines.registry import ENGINES, EngineEntry
from vemoclap.errors import EngineError, UsageError, VemoclapError, WeightsError
from vemoclap.records import (
    Clip,
    Detection,
    EngineUse,
    Expression,
    Features,
    Floats,
    Heard,
    Language,
    Picture,
    Pictures,
    Scores,
    Sentiment,
    Span,
    TextLine,
    Transcript,
)
from vemoclap.weights import cache, catalog

# Roles take batches. The role fixes colour order (RGB uint8), sample rate (16 kHz mono float32)
# and units, not the engine.
Faces = Callable[[Pictures], list[tuple[Detection, ...]]]  # frames -> faces of each frame
Expressions = Callable[[Sequence[Picture]], list[Expression]]  # face crops -> one each
Images = Callable[[Pictures], Floats]  # frames -> (n, 512), one embedding each
Caption = Callable[[Floats], str]  # the (512,) embedding of one frame -> a sentence about it
Sound = Callable[[Floats], Heard]  # audio windows (m, samples), m >= 1 -> vectors and tags
Vad = Callable[[Floats], tuple[Span, ...]]  # sound -> spans of speech, sorted, disjoint
Transcribe = Callable[[Clip, tuple[Span, ...]], Transcript | None]  # None: no words to be had
Ocr = Callable[[Pictures], list[tuple[TextLine, ...]]]  # frames -> every line of each frame
Languages = Callable[[Sequence[str]], list[Language]]  # texts -> language of each
Translate = Callable[[Sequence[str], Sequence[str]], list[str]]  # texts, their codes -> English
Segment = Callable[[str], str]  # English text -> the same with its words apart
Spell = Callable[[Sequence[str]], list[str]]  # English texts -> corrected
Sentiments = Callable[[str], Sentiment]  # English text -> polarity
Emotion = Callable[[Features], Scores]  # features -> six probabilities


@dataclass(frozen=True, slots=True)
class Preset:
    """The engine of every role; None leaves the role empty."""

    name: str
    faces: str | None
    expression: str | None
    image: str | None
    caption: str | None
    sound: str | None
    vad: str | None
    transcribe: str | None
    ocr: str | None
    language: str | None
    translate: str | None
    segment: str | None
    spell: str | None
    sentiment: str | None
    emotion: str | None


ROLES = tuple(ENGINES)

PAPER = Preset(
    name="paper",
    faces="yolo-face",
    expression="vit-expression",
    image="clip",
    caption="clipcap",
    sound="beats",
    vad="silero-vad",
    transcribe="whisper",
    ocr="rapidocr",
    language="xlm-r",
    translate="nllb",
    segment="symspellpy",
    spell="t5-spell",
    sentiment="roberta",
    emotion="cross-attention",
)
FAST = replace(PAPER, name="fast", transcribe="faster-whisper")
EMBEDDED = Preset(
    name="embedded",
    faces="mtcnn",
    expression=None,
    image=None,
    caption=None,
    sound=None,
    vad="silero-vad",
    transcribe="subtitles",
    ocr="rapidocr",
    language="py3langid",
    translate=None,
    segment="symspellpy",
    spell="symspellpy",
    sentiment="vader",
    emotion="valence-arousal",
)
PRESETS = {preset.name: preset for preset in (PAPER, FAST, EMBEDDED)}  # best first
AUTO = "auto"


def engine_of(preset: Preset, role: str) -> str | None:
    """Return the name of the engine that fills ``role``, None where it stays empty."""
    name: str | None = getattr(preset, role)
    return name


def missing(preset: Preset) -> tuple[str, ...]:
    """Return what this installation lacks to run ``preset``, in words: "clip (605 MB)"."""
    lacking = []
    for role in ROLES:
        engine = engine_of(preset, role)
        if engine is None:
            continue
        if engine not in ENGINES[role]:
            lacking.append(f"an engine {engine!r} for {role}")
            continue
        if _version(ENGINES[role][engine].distribution) is None:
            lacking.append(f"the library {ENGINES[role][engine].distribution}")
        lacking += [
            f"{artefact.name} ({artefact.size_mb} MB)"
            for artefact in catalog.of_engine(engine)
            if cache.missing(artefact.name)
        ]
    return tuple(lacking)


def require(preset: Preset) -> Preset:
    """Return ``preset`` itself, if nothing that it needs is lacking here.

    Raises:
        WeightsError: something is; the message names each, with its size, and what fetches it.
    """
    lacking = missing(preset)
    if not lacking:
        return preset
    engines = [engine_of(preset, role) for role in ROLES]
    wanted = [
        artefact
        for engine in engines
        for artefact in (catalog.of_engine(engine) if engine else ())
        if cache.missing(artefact.name)
    ]
    if preset.name in (PAPER.name, FAST.name):
        names = preset.name
    else:
        names = " ".join(dict.fromkeys(artefact.engine for artefact in wanted))
    fetch = f"run `vemoclap models download {names}`" if wanted else "run setup.sh again"
    total = sum(artefact.size_mb for artefact in wanted)
    size = f" ({total / 1000:.1f} GB in all)" if len(wanted) > 1 else ""
    raise WeightsError(
        f"The preset {preset.name!r} cannot run here, it lacks {', '.join(lacking)}; "
        f"{fetch}{size}, or use --preset embedded, which needs no downloads."
    )


def choose(name: str = AUTO, overrides: Mapping[str, str] | None = None) -> Preset:
    """Return the preset called ``name`` with the roles in ``overrides`` given other engines.

    ``auto`` is the best preset that lacks nothing here. The engine name "none" empties a role.

    Raises:
        UsageError: no such preset, role or engine.
        WeightsError: the preset needs what this installation lacks.
    """
    if name != AUTO and name not in PRESETS:
        raise UsageError(f"There is no preset {name!r}; choose {AUTO}, {', '.join(PRESETS)}.")
    chosen: dict[str, Any] = {}  # Any, as `replace` types its keywords by field
    for role, engine in (overrides or {}).items():
        if role not in ENGINES:
            raise UsageError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
        if engine != "none" and engine not in ENGINES[role]:
            known = ", ".join((*ENGINES[role], "none"))
            raise UsageError(f"No engine {engine!r} fills the role {role!r}; choose {known}.")
        chosen[role] = None if engine == "none" else engine
    if name != AUTO:
        return require(replace(PRESETS[name], **chosen))
    candidates = [replace(preset, **chosen) for preset in PRESETS.values()]
    complete = (candidate for candidate in candidates if not missing(candidate))
    return next(complete, None) or require(candidates[-1])


def load(role: str, engine: str, device: str) -> Any:
    """Return the callable of ``role`` that ``engine`` provides, its model on ``device``.

    Raises:
        EngineError: the engine's libraries or model could not be loaded.
    """
    # onnxruntime would otherwise report each session to its makers over the network.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    module, function = ENGINES[role][engine].loader.split(":")
    try:
        return getattr(import_module(module), function)(device)
    except VemoclapError:
        raise
    except Exception as error:
        raise EngineError(
            f"The engine {engine!r} for {role} could not be loaded ({type(error).__name__}: "
            f"{error}); run setup.sh again."
        ) from error


def describe(preset: Preset, device: str | None = None) -> tuple[EngineUse, ...]:
    """Return which engine fills each role of ``preset``, with its version and licence.

    For a ``device`` it is also said in what type of numbers it computes there.
    """
    return tuple(_use(role, engine_of(preset, role), preset, device) for role in ROLES)


def _use(role: str, engine: str | None, preset: Preset, device: str | None) -> EngineUse:
    if engine is None:
        reason = f"the {preset.name} preset has no engine for this"
        return EngineUse(role=role, engine=None, detail=reason, weights=())
    entry = ENGINES[role][engine]
    kind = _type_on(device, entry)
    return EngineUse(
        role=role,
        engine=engine,
        detail=f"{entry.what} ({entry.distribution} {_version(entry.distribution)}, "
        f"{entry.licence}{f', in {kind}' if kind else ''})",
        weights=tuple(
            f"{artefact.place} at {cache.revision(artefact.name)}"
            for artefact in catalog.of_engine(engine)
        ),
    )


def _type_on(device: str | None, entry: EngineEntry) -> str:
    if device is None:
        return ""
    kind = entry.types[device != "cpu"]
    if kind != "bfloat16":
        return kind
    from vemoclap.engines import precision

    return kind if precision.of_cpu() else "float32"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
