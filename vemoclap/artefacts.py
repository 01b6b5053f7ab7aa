"""The table of everything that is downloaded: what it is, where it lies, what it allows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artefact:
    """Files that one place publishes together."""

    name: str
    place: str  # a Hugging Face repository ("org/name") or an https address
    revision: str  # branch or commit
    # Every inner tuple is one file by its alternative names, of which any one will do.
    files: tuple[tuple[str, ...], ...]
    converted: str | None  # the safetensors made of the one published pickle, if it is one
    licence: str  # SPDX identifier, or what the place says
    citation: str


_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def _hugging_face(
    name: str,
    place: str,
    *files: tuple[str, ...] | str,
    converted: str | None = None,
    licence: str,
    citation: str,
) -> Artefact:
    alternatives = tuple((file,) if isinstance(file, str) else file for file in files)
    return Artefact(name, place, "main", alternatives, converted, licence, citation)


_ROWS = (
    _hugging_face(
        "yolo-face",
        "arnabdhar/YOLOv8-Face-Detection",
        "model.pt",
        licence="AGPL-3.0",
        citation="Jocher et al., Ultralytics YOLO, 2023",
    ),
    _hugging_face(
        "vit-expression",
        "trpakov/vit-face-expression",
        *("config.json", "preprocessor_config.json", _WEIGHTS),
        licence="Apache-2.0",
        citation="Dosovitskiy et al., An Image is Worth 16x16 Words, 2021",
    ),
    _hugging_face(
        "clip",
        "openai/clip-vit-base-patch32",
        *("config.json", _WEIGHTS),
        licence="MIT",
        citation="Radford et al., Learning Transferable Visual Models, 2021",
    ),
    _hugging_face(
        "clipcap",
        "akhaliq/CLIP-prefix-captioning-conceptual-weights",
        "conceptual_weights.pt",
        converted="clipcap.safetensors",
        licence="MIT",
        citation="Mokady et al., ClipCap, 2021",
    ),
    _hugging_face(
        "gpt2",
        "gpt2",
        *("config.json", "vocab.json", "merges.txt"),
        licence="MIT",
        citation="Radford et al., Language Models are Unsupervised Multitask Learners, 2019",
    ),
    _hugging_face(
        "beats",
        "WeiChihChen/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2",
        "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",
        converted="BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.safetensors",
        licence="MIT",
        citation="Chen et al., BEATs, 2022",
    ),
    Artefact(
        name="audioset-ontology",
        place="https://raw.githubusercontent.com/audioset/ontology",
        revision="master",
        files=(("ontology.json",),),
        converted=None,
        licence="CC-BY-SA-4.0",
        citation="Gemmeke et al., Audio Set, 2017",
    ),
    Artefact(
        name="whisper-large-v3",
        place="whisper",  # the library knows the address and the hash
        revision="large-v3",
        files=(("large-v3.pt",),),
        converted=None,
        licence="MIT",
        citation="Radford et al., Robust Speech Recognition, 2022",
    ),
    _hugging_face(
        "faster-whisper-large-v3",
        "Systran/faster-whisper-large-v3",
        *("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json"),
        *(("vocabulary.json", "vocabulary.txt"),),
        licence="MIT",
        citation="Radford et al., Robust Speech Recognition, 2022",
    ),
    _hugging_face(
        "xlm-r",
        "papluca/xlm-roberta-base-language-detection",
        *("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
        licence="MIT",
        citation="Conneau et al., Unsupervised Cross-lingual Representation Learning, 2020",
    ),
    _hugging_face(
        "nllb",
        "facebook/nllb-200-distilled-600M",
        *("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
        licence="CC-BY-NC-4.0",  # not for commercial use
        citation="NLLB Team, No Language Left Behind, 2022",
    ),
    _hugging_face(
        "t5-spell",
        "ai-forever/T5-large-spell",
        *("config.json", _WEIGHTS, ("tokenizer.json", "spiece.model"), "tokenizer_config.json"),
        licence="MIT",
        citation="Martynov et al., A Methodology for Generative Spelling Correction, 2023",
    ),
    _hugging_face(
        "roberta",
        "cardiffnlp/twitter-roberta-base-sentiment-latest",
        *("config.json", _WEIGHTS, "vocab.json", "merges.txt"),
        licence="CC-BY-4.0",
        citation="Loureiro et al., TimeLMs, 2022",
    ),
    Artefact(
        name="cross-attention",
        place="https://raw.githubusercontent.com/serkansulun/video-emotion",
        revision="312f802",
        files=(("weights/classifier/model.pt",),),
        converted="model.safetensors",
        licence="AGPL-3.0",
        citation="Sulun, Viana and Davies, VEMOCLAP, 2024",
    ),
)
ARTEFACTS = {artefact.name: artefact for artefact in _ROWS}
