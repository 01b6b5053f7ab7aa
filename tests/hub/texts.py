"""Miniature models of the roles that read texts, under their published names and layouts.

Each builder writes what the real repository holds: the same file names, classes and keys, but
tiny, with random weights (seeded, so always the same). The tokenizers are made on the spot.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

# In the order of the published config.json.
LANGUAGES = "ja nl ar pl de it pt tr es hi el ur bg en fr zh ru th sw vi".split()  # noqa: SIM905
SENTIMENTS = ("negative", "neutral", "positive")
NLLB_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
WORDS = (
    "the weather is lovely this morning, is it not? breaking news: a goverment resigned today. "
    "das wetter ist heute schön. bonjour tout le monde! grammar: good love hate happy sad house "
    "l'été à la mer, où est la gare? Доброе утро, мир. 你好世界 今日は สวัสดี नमस्ते"
)


def build_xlm_r(folder: Path) -> None:
    """Write a language identifier: a unigram tokenizer and a classifier of 20 languages."""
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    _quiet()
    folder.mkdir(parents=True, exist_ok=True)
    specials = ("<s>", "<pad>", "</s>", "<unk>")
    bpe = _unigram(specials, unknown="<unk>", last=("<mask>",))
    bpe.post_processor = _template("<s> $A </s>", bpe, ("<s>", "</s>"))
    bpe.save(str(folder / "tokenizer.json"))
    _tokenizer_config(
        folder,
        "XLMRobertaTokenizer",
        {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>"},
        mask_token="<mask>",
        model_max_length=512,
    )
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=bpe.get_vocab_size(),
        max_position_embeddings=514,
        type_vocab_size=1,
        initializer_range=0.5,  # so that different texts get different languages
        **_tiny_encoder(hidden_size=32, intermediate_size=64),
        **_labels(LANGUAGES),
    )
    model = XLMRobertaForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.out_proj.weight *= 3  # certain of some texts (above 0.9), but not of all
    model.save_pretrained(folder)


def build_roberta(folder: Path) -> None:
    """Write a judge of sentiment with real 768 numbers, its pickle and its pooler, as published."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification

    _quiet()
    folder.mkdir(parents=True, exist_ok=True)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [WORDS] * 2, vocab_size=500, min_frequency=2, special_tokens=specials, show_progress=False
    )
    bpe.save_model(str(folder))  # vocab.json and merges.txt
    names = ("bos", "eos", "sep", "cls", "unk", "pad", "mask")
    tokens = ("<s>", "</s>", "</s>", "<s>", "<unk>", "<pad>", "<mask>")
    special = {f"{name}_token": token for name, token in zip(names, tokens, strict=True)}
    _write(folder / "special_tokens_map.json", special)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=bpe.get_vocab_size(),
        max_position_embeddings=514,
        type_vocab_size=1,
        initializer_range=0.1,
        **_tiny_encoder(hidden_size=768, intermediate_size=64),
        **_labels(SENTIMENTS),
    )
    model = RobertaForSequenceClassification(config)
    config.architectures = ["RobertaForSequenceClassification"]
    config.save_pretrained(folder)
    pooler = {
        "roberta.pooler.dense.weight": torch.randn(768, 768) * 0.02,
        "roberta.pooler.dense.bias": torch.zeros(768),
    }
    tensors = {**model.state_dict(), **pooler}
    # In half precision, unlike the real one, which saves 8 MB.
    halves = {key: value.half() for key, value in tensors.items()}
    torch.save(halves, folder / "pytorch_model.bin")


def build_nllb(folder: Path) -> None:
    """Write a translator with NLLB's tokens of languages, and its weights as a pickle."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import M2M100Config, M2M100ForConditionalGeneration
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    _quiet()
    folder.mkdir(parents=True, exist_ok=True)
    bpe = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    bpe.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(NLLB_SPECIALS), show_progress=False
    )
    bpe.train_from_iterator([WORDS], trainer)
    codes = [*FAIRSEQ_LANGUAGE_CODES, "<mask>"]
    bpe.add_special_tokens(codes)
    bpe.save(str(folder / "tokenizer.json"))
    _tokenizer_config(
        folder,
        "NllbTokenizer",
        {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>"},
        mask_token="<mask>",
        additional_special_tokens=list(FAIRSEQ_LANGUAGE_CODES),
        model_max_length=1024,
    )
    torch.manual_seed(0)
    config = M2M100Config(
        vocab_size=bpe.get_vocab_size(),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=1024,
        scale_embedding=True,
        init_std=0.4,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    model = M2M100ForConditionalGeneration(config)
    _never_end(
        model.model.shared.weight,
        [bpe.token_to_id(token) for token in NLLB_SPECIALS],
        [bpe.token_to_id(code) for code in codes],
    )
    config.architectures = ["M2M100ForConditionalGeneration"]
    config.save_pretrained(folder)
    model.generation_config.max_length = 200
    model.generation_config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def build_t5_spell(folder: Path) -> None:
    """Write a corrector of spelling: a unigram tokenizer with 100 sentinels, and a small T5."""
    from transformers import T5Config, T5ForConditionalGeneration

    _quiet()
    folder.mkdir(parents=True, exist_ok=True)
    sentinels = [f"<extra_id_{index}>" for index in range(100)]
    unigram = _unigram(("<pad>", "</s>", "<unk>"), unknown="<unk>", last=tuple(reversed(sentinels)))
    unigram.post_processor = _template("$A </s>", unigram, ("</s>",))
    unigram.save(str(folder / "tokenizer.json"))
    _tokenizer_config(
        folder,
        "T5Tokenizer",
        {"eos": "</s>", "unk": "<unk>", "pad": "<pad>"},
        extra_ids=100,
        additional_special_tokens=sentinels,
        model_max_length=512,
    )
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=unigram.get_vocab_size(),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="relu",
        decoder_start_token_id=0,
        initializer_factor=2.0,
    )
    model = T5ForConditionalGeneration(config)
    ends = [*range(3), *(unigram.token_to_id(sentinel) for sentinel in sentinels)]
    _never_end(model.shared.weight, ends, [])
    model.save_pretrained(folder)


def _never_end(table: torch.Tensor, ends: Sequence[int], rare: Sequence[int]) -> None:
    """Make a model that reads and writes with one ``table`` of words write words up to its limit.

    A word whose row is zero has a score of zero, and among some hundred random ones there is
    always one above that.
    """
    with torch.no_grad():
        table[list(ends)] = 0
        table[list(rare)] *= 0.1


def _unigram(first: Sequence[str], *, unknown: str, last: Sequence[str]) -> Any:
    """Return a sentencepiece-like tokenizer with special tokens ``first`` and ``last``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    # No trainer, as it breaks ties at random: each word and each letter, the longer the likelier.
    pieces = sorted({f"▁{word}" for word in WORDS.split()} | set(WORDS) - {" "} | {"▁"})
    table = [(token, 0.0) for token in first]
    table += [(piece, -10.0 + 0.5 * len(piece)) for piece in pieces]
    table += [(token, 0.0) for token in last]
    tokenizer = Tokenizer(models.Unigram(table, unk_id=first.index(unknown), byte_fallback=False))
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([*first, *last])
    return tokenizer


def tiny_unigram(first: Sequence[str], *, unknown: str) -> Any:
    """Return such a tokenizer that puts [CLS] before a text and [SEP] behind it, as ALBERT's."""
    made = _unigram(first, unknown=unknown, last=())
    made.post_processor = _template("[CLS] $A [SEP]", made, ("[CLS]", "[SEP]"))
    return made


def _template(single: str, tokenizer: Any, tokens: Sequence[str]) -> Any:
    from tokenizers import processors

    return processors.TemplateProcessing(
        single=single,
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in tokens],
    )


def _tokenizer_config(folder: Path, kind: str, tokens: dict[str, str], **more: object) -> None:
    special = {f"{name}_token": token for name, token in tokens.items()}
    _write(folder / "tokenizer_config.json", {"tokenizer_class": kind, **special, **more})
    _write(folder / "special_tokens_map.json", dict(special))


def _tiny_encoder(**sizes: int) -> dict[str, Any]:
    return {
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        **sizes,
    }


def _labels(names: Sequence[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2), "utf-8")


def _quiet() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
