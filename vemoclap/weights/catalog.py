"""The table of everything that is downloaded: what it is, where it lies, what it allows."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

HUB = "https://huggingface.co"  # unless HF_ENDPOINT names a mirror


@dataclass(frozen=True, slots=True)
class Artefact:
    """Files that one place publishes together."""

    name: str
    engine: str  # the engine of ``roles.ENGINES`` that needs it, or MER
    # A Hugging Face repository ("org/name"), or the https address of a folder, below which the
    # files lie in another folder that is named for the revision.
    place: str
    revision: str  # branch, tag or commit, or a hash that is part of the address
    # Every inner tuple is one file by its alternative names, of which any one will do.
    files: tuple[tuple[str, ...], ...]
    converted: str | None  # the safetensors made of the one published pickle, if it is one
    size_mb: int  # about, of all files, in 10^6 bytes; the exact size comes with the download
    licence: str  # SPDX identifier, or what the place says
    citation: str
    # file -> "sha256:..." or "git-blob:...", where the publisher made it known
    hashes: Mapping[str, str] = field(default_factory=dict)
    commercial: bool = True  # False: the licence forbids commercial use
    converter: str | None = None  # "module:function" that makes ``converted`` of the pickle

    @property
    def on_hugging_face(self) -> bool:
        """Whether the place is a repository there, and no address."""
        return "://" not in self.place

    @property
    def about(self) -> int:
        """About how many bytes all files have."""
        return self.size_mb * 10**6

    def address(self, file: str, revision: str) -> str:
        """Return where a file is published."""
        if not self.on_hugging_face:
            return f"{self.place}/{revision}/{file}"
        hub = os.environ.get("HF_ENDPOINT") or HUB
        return f"{hub.rstrip('/')}/{self.place}/resolve/{revision}/{file}"


def stored(file: str) -> str:
    """Return the name under which a published file is kept: its own, without its folders."""
    return PurePosixPath(file).name


# What openai-whisper itself expects of the file, also a part of its address.
_WHISPER = "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
MER = "mer"  # the end-to-end model of ``vemoclap.mer``, whose training starts from these


def _hugging_face(
    name: str,
    engine: str,
    place: str,
    *files: tuple[str, ...] | str,
    converted: str | None = None,
    converter: str | None = None,
    size_mb: int,
    licence: str,
    citation: str,
    commercial: bool = True,
) -> Artefact:
    return Artefact(
        name=name,
        engine=engine,
        place=place,
        revision="main",
        files=tuple((file,) if isinstance(file, str) else file for file in files),
        converted=converted,
        converter=converter,
        size_mb=size_mb,
        licence=licence,
        citation=citation,
        commercial=commercial,
    )


_ROWS = (
    _hugging_face(
        "yolo-face",
        "yolo-face",
        "arnabdhar/YOLOv8-Face-Detection",
        "model.pt",
        size_mb=6,
        licence="AGPL-3.0",
        citation="Jocher et al., Ultralytics YOLO, 2023",
    ),
    _hugging_face(
        "vit-expression",
        "vit-expression",
        "trpakov/vit-face-expression",
        *("config.json", "preprocessor_config.json", _WEIGHTS),
        size_mb=343,
        licence="Apache-2.0",
        citation="Dosovitskiy et al., An Image is Worth 16x16 Words, 2021",
    ),
    _hugging_face(
        "clip",
        "clip",
        "openai/clip-vit-base-patch32",
        *("config.json", _WEIGHTS),
        size_mb=605,
        licence="MIT",
        citation="Radford et al., Learning Transferable Visual Models, 2021",
    ),
    _hugging_face(
        "clipcap",
        "clipcap",
        "akhaliq/CLIP-prefix-captioning-conceptual-weights",
        "conceptual_weights.pt",
        converted="clipcap.safetensors",
        converter="vemoclap.engines.clipcap:convert",
        size_mb=636,
        licence="MIT",
        citation="Mokady et al., ClipCap, 2021",
    ),
    _hugging_face(
        "gpt2",
        "clipcap",
        "gpt2",
        *("config.json", "vocab.json", "merges.txt"),
        size_mb=2,
        licence="MIT",
        citation="Radford et al., Language Models are Unsupervised Multitask Learners, 2019",
    ),
    _hugging_face(
        "beats",
        "beats",
        "WeiChihChen/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2",
        "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",
        converted="BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.safetensors",
        converter="vemoclap.engines.beats:convert",
        size_mb=363,
        licence="MIT",
        citation="Chen et al., BEATs, 2022",
    ),
    Artefact(
        name="audioset-ontology",
        engine="beats",
        place="https://raw.githubusercontent.com/audioset/ontology",
        revision="master",
        files=(("ontology.json",),),
        converted=None,
        size_mb=1,
        licence="CC-BY-SA-4.0",
        citation="Gemmeke et al., Audio Set, 2017",
    ),
    Artefact(
        name="whisper-large-v3",
        engine="whisper",
        place="https://openaipublic.azureedge.net/main/whisper/models",
        revision=_WHISPER,
        files=(("large-v3.pt",),),
        converted=None,
        size_mb=3087,
        licence="MIT",
        citation="Radford et al., Robust Speech Recognition, 2022",
        hashes={"large-v3.pt": f"sha256:{_WHISPER}"},
    ),
    _hugging_face(
        "faster-whisper-large-v3",
        "faster-whisper",
        "Systran/faster-whisper-large-v3",
        *("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json"),
        *(("vocabulary.json", "vocabulary.txt"),),
        size_mb=3090,
        licence="MIT",
        citation="Radford et al., Robust Speech Recognition, 2022",
    ),
    _hugging_face(
        "xlm-r",
        "xlm-r",
        "papluca/xlm-roberta-base-language-detection",
        *("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
        size_mb=1121,
        licence="MIT",
        citation="Conneau et al., Unsupervised Cross-lingual Representation Learning, 2020",
    ),
    _hugging_face(
        "nllb",
        "nllb",
        "facebook/nllb-200-distilled-600M",
        *("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
        size_mb=2482,
        licence="CC-BY-NC-4.0",
        commercial=False,
        citation="NLLB Team, No Language Left Behind, 2022",
    ),
    _hugging_face(
        "t5-spell",
        "t5-spell",
        "ai-forever/T5-large-spell",
        *("config.json", _WEIGHTS, ("tokenizer.json", "spiece.model"), "tokenizer_config.json"),
        size_mb=2953,
        licence="MIT",
        citation="Martynov et al., A Methodology for Generative Spelling Correction, 2023",
    ),
    _hugging_face(
        "roberta",
        "roberta",
        "cardiffnlp/twitter-roberta-base-sentiment-latest",
        *("config.json", _WEIGHTS, "vocab.json", "merges.txt"),
        size_mb=501,
        licence="CC-BY-4.0",
        citation="Loureiro et al., TimeLMs, 2022",
    ),
    Artefact(
        name="cross-attention",
        engine="cross-attention",
        place="https://raw.githubusercontent.com/serkansulun/video-emotion",
        revision="312f802",
        files=(("weights/classifier/model.pt",),),
        converted="model.safetensors",
        converter="vemoclap.classifier.model:convert",
        size_mb=42,
        licence="AGPL-3.0",
        citation="Sulun, Viana and Davies, VEMOCLAP, 2024",
        hashes={"weights/classifier/model.pt": "git-blob:02f7ebf5c5a063315aaa98100604491c03df2268"},
    ),
    Artefact(
        name="inception-resnet",
        engine=MER,
        place="https://github.com/timesler/facenet-pytorch/releases/download",
        revision="v2.2.9",
        files=(("20180402-114759-vggface2.pt",),),
        converted="vggface2.safetensors",
        converter="vemoclap.mer.backbones.inception_resnet:convert",
        size_mb=112,
        licence="MIT",
        citation="Cao et al., VGGFace2, 2018",
    ),
    _hugging_face(
        "distilhubert",
        MER,
        "ntu-spml/distilhubert",
        *("config.json", "preprocessor_config.json", _WEIGHTS),
        size_mb=94,
        licence="Apache-2.0",
        citation="Chang et al., DistilHuBERT, 2022",
    ),
    _hugging_face(
        "albert",
        MER,
        "albert/albert-base-v2",
        *("config.json", _WEIGHTS, "tokenizer.json"),
        size_mb=48,
        licence="Apache-2.0",
        citation="Lan et al., ALBERT, 2020",
    ),
)
ARTEFACTS = {artefact.name: artefact for artefact in _ROWS}


def of_engine(engine: str) -> tuple[Artefact, ...]:
    """Return what ``engine`` needs, nothing for engines that need no download."""
    return tuple(artefact for artefact in ARTEFACTS.values() if artefact.engine == engine)
