"""Miniature Whispers, in the layouts of OpenAI's own file and of CTranslate2.

The real tokenizer and its 51,866 words, but 32 numbers a word and one layer. What they write is
set by hand: each token leads to a certain next one, whatever is heard, so that tests know the
words. It is two sentences when asked to translate, and another one when asked to transcribe.
"""

import base64
import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

WIDTH = 32
CONTEXT = 448  # tokens, as published
DIMS = {
    "n_mels": 128,
    "n_audio_ctx": 1500,
    "n_audio_state": WIDTH,
    "n_audio_head": 2,
    "n_audio_layer": 1,
    "n_vocab": 51866,
    "n_text_ctx": CONTEXT,
    "n_text_state": WIDTH,
    "n_text_head": 2,
    "n_text_layer": 1,
}
LANGUAGE = "fr"
SENTENCES = (("Good morning everyone!", 0.0, 4.0), ("We are happy.", 6.0, 20.0))  # words, seconds
SPOKEN = "Bonjour."  # when it is asked to transcribe

# The token that each token leads to, by their published names.
CHAIN = (
    ("<|startoftranscript|>", f"<|{LANGUAGE}|>", "<|translate|>", "<|0.00|>"),
    ("<|0.00|>", " Good", " morning", " everyone", "!", "<|4.00|>", "<|6.00|>"),
    ("<|6.00|>", " We", " are", " happy", ".", "<|20.00|>", "<|endoftext|>"),
    ("<|transcribe|>", "<|0.02|>", " Bon", "jour", "<|3.00|>", "<|endoftext|>"),
)


def build_whisper_large_v3(folder: Path) -> None:
    """Write large-v3.pt: sizes and weights in half precision, as OpenAI publishes it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.half() for key, value in _weights().items()}
    torch.save({"dims": DIMS, "model_state_dict": tensors}, folder / "large-v3.pt")


def build_faster_whisper_large_v3(folder: Path) -> None:
    """Write the same model as CTranslate2's converter makes it: model.bin and its companions."""
    from ctranslate2.converters import TransformersConverter
    from transformers import WhisperConfig, WhisperForConditionalGeneration, WhisperTokenizerFast
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    ids = token_ids()
    config = WhisperConfig(
        vocab_size=DIMS["n_vocab"],
        num_mel_bins=DIMS["n_mels"],
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_target_positions=CONTEXT,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
    )
    model = WhisperForConditionalGeneration(config)
    model.model.load_state_dict(_renamed(_weights()))
    settings = model.generation_config
    settings._from_model_config = False  # or transformers would rewrite it, and then refuse it
    settings.alignment_heads = [[0, 0]]
    settings.suppress_tokens, settings.begin_suppress_tokens = [], [ids["<|endoftext|>"]]
    settings.lang_to_id = {
        name: number for name, number in ids.items() if 50258 < number < ids["<|translate|>"]
    }
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        WhisperTokenizerFast(tokenizer_object=_tokenizer()).save_pretrained(place)
        extractor = {"feature_size": 128, "sampling_rate": 16000, "hop_length": 160}
        extractor |= {"chunk_length": 30, "n_fft": 400, "nb_max_frames": 3000, "n_samples": 480000}
        text = json.dumps({"feature_extractor_type": "WhisperFeatureExtractor", **extractor})
        Path(place, "preprocessor_config.json").write_text(text, "utf-8")
        converter = TransformersConverter(
            place, copy_files=["tokenizer.json", "preprocessor_config.json"]
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        converter.convert(str(folder), quantization="float16", force=True)


def token_ids() -> dict[str, int]:
    """Return the number of each of Whisper's tokens, in the letters that stand for its bytes."""
    from whisper import tokenizer as library

    letters = _letters()
    path = Path(library.__file__).parent / "assets" / "multilingual.tiktoken"
    ids = {}
    for line in path.read_text("ascii").splitlines():
        word, number = line.split()
        ids["".join(letters[byte] for byte in base64.b64decode(word))] = int(number)
    encoding = library.get_encoding("multilingual", num_languages=100)
    return ids | encoding._special_tokens


def _letters() -> dict[int, str]:
    """Return the printable letter that stands for each byte in byte-level vocabularies."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + index) for index, byte in enumerate(others)
    }


def _tokenizer() -> Any:
    """Return the published vocabulary without its merges, which only prompts would need."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    ids = token_ids()
    words = {word: number for word, number in ids.items() if number < ids["<|endoftext|>"]}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = sorted(set(ids) - set(words), key=lambda name: ids[name])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    return tokenizer


def _weights() -> dict[str, torch.Tensor]:
    """Return the weights under OpenAI's names."""
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(0)
    model = Whisper(ModelDimensions(**DIMS))
    decoder = model.decoder
    ids = token_ids()
    numbers = [[ids[name.replace(" ", "Ġ")] for name in row] for row in CHAIN]
    pairs = [pair for row in numbers for pair in pairwise(row)]
    known = sorted({number for pair in pairs for number in pair})
    # Directions at right angles to each other and to (1, ..., 1), which layer norm takes away.
    square = torch.linalg.qr(
        torch.cat([torch.ones(WIDTH, 1), torch.randn(WIDTH, WIDTH)], 1)[:, :-1]
    )
    directions = dict(zip(known, square.Q.T[1:], strict=False))
    assert len(directions) == len(known), "more tokens than directions"
    with torch.no_grad():
        # Unknown tokens score about 0 and the next one about 45, far above their sum.
        decoder.token_embedding.weight.normal_(std=0.01)
        for number, direction in directions.items():
            decoder.token_embedding.weight[number] = 8 * direction
        decoder.positional_embedding.zero_()
        (block,) = decoder.blocks
        for part in (block.attn, block.cross_attn):
            part.out.weight.mul_(0.01)
            part.out.bias.zero_()
        first, _, second = block.mlp
        for part in (first, second):
            part.weight.zero_()
            part.bias.zero_()
        for row, (number, following) in enumerate(pairs):
            first.weight[row] = 4 * directions[number]  # 4 * sqrt(32) = 22 for this token only
            second.weight[:, row] = 8 * directions[following]
        first.bias.fill_(-2)
    return model.state_dict()


def _renamed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the same weights under the names of transformers."""
    names = {
        "blocks": "layers",
        "cross_attn_ln": "encoder_attn_layer_norm",
        "cross_attn": "encoder_attn",
        "attn_ln": "self_attn_layer_norm",
        "mlp_ln": "final_layer_norm",
        "mlp.0": "fc1",
        "mlp.2": "fc2",
        "attn": "self_attn",
        "query": "q_proj",
        "key": "k_proj",
        "value": "v_proj",
        "out": "out_proj",
        "ln_post": "layer_norm",
        "ln": "layer_norm",
        "token_embedding": "embed_tokens",
        "positional_embedding": "embed_positions.weight",
    }
    renamed = {}
    for key, value in tensors.items():
        for old, new in names.items():
            key = f".{key}.".replace(f".{old}.", f".{new}.").strip(".")  # noqa: PLW2901
        renamed[key] = value
    return renamed
