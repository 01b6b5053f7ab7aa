"""Translation into English: NLLB-200, 600M parameters, distilled (NLLB Team 2022). CC-BY-NC-4.0."""

from collections.abc import Callable, Sequence

from vemoclap.engines import pretrained
from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.errors import EngineError, WeightsError

ARTEFACT = "nllb"
ENGLISH = "eng_Latn"

# ISO 639-1 -> NLLB's code. First the 20 languages that the paper's identifier tells apart, then
# those that subtitle tracks commonly declare. Chinese is read as simplified, in which most
# Chinese text on screens is written; the same characters mostly mean the same in both.
CODES = {
    "ar": "arb_Arab",
    "bg": "bul_Cyrl",
    "de": "deu_Latn",
    "el": "ell_Grek",
    "en": ENGLISH,
    "es": "spa_Latn",
    "fr": "fra_Latn",
    "hi": "hin_Deva",
    "it": "ita_Latn",
    "ja": "jpn_Jpan",
    "nl": "nld_Latn",
    "pl": "pol_Latn",
    "pt": "por_Latn",
    "ru": "rus_Cyrl",
    "sw": "swh_Latn",
    "th": "tha_Thai",
    "tr": "tur_Latn",
    "ur": "urd_Arab",
    "vi": "vie_Latn",
    "zh": "zho_Hans",
    "cs": "ces_Latn",
    "da": "dan_Latn",
    "et": "est_Latn",
    "fa": "pes_Arab",
    "fi": "fin_Latn",
    "he": "heb_Hebr",
    "hr": "hrv_Latn",
    "hu": "hun_Latn",
    "id": "ind_Latn",
    "ko": "kor_Hang",
    "no": "nob_Latn",
    "ro": "ron_Latn",
    "sk": "slk_Latn",
    "sl": "slv_Latn",
    "sv": "swe_Latn",
    "uk": "ukr_Cyrl",
}

MAX_TOKENS = 512  # of a source, what the model was trained on; the rest is cut off

# Of a text of 512 tokens with a translation as long: keys and values of both, 12 layers x 2 x 1024
# positions x 1024 numbers, 100 MB, and what the encoder works with, 20 MB.
APPETITE = Appetite(bytes_per_item=130_000_000, most=16)


def longest(tokens: int) -> int:
    """Return how many tokens a translation of a source of ``tokens`` may have.

    English rarely takes twice as many as its source, and a model that has lost its way repeats
    itself for ever; the constant is for sources of a few tokens.
    """
    return min(2 * tokens + 16, MAX_TOKENS)


def load(device: str) -> Callable[[Sequence[str], Sequence[str]], list[str]]:
    """Return a translator: texts and their ISO 639-1 codes -> English, greedily decoded.

    English texts and those of spaces only come back as they are. All languages go through the
    model together, since only the first token of a source says which it is in.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
        EngineError: (the translator) a language has no place in ``CODES``.
    """
    import torch

    tokenizer = pretrained.tokenizer("NllbTokenizer", ARTEFACT)
    network = pretrained.network("M2M100ForConditionalGeneration", ARTEFACT, device, writes=True)
    tokens_of = {code: int(tokenizer.convert_tokens_to_ids(code)) for code in CODES.values()}
    if unknown := [code for code, token in tokens_of.items() if token == tokenizer.unk_token_id]:
        raise WeightsError(
            f"NLLB's tokenizer does not know {unknown[0]}; "
            f"run `vemoclap models download {ARTEFACT}`."
        )
    end = int(tokenizer.eos_token_id)

    def some(sources: Sequence[list[int]]) -> list[str]:
        inputs = tokenizer.pad({"input_ids": list(sources)}, return_tensors="pt").to(device)
        limits = [longest(len(source)) for source in sources]
        with torch.inference_mode():
            answers = network.generate(
                **inputs,
                forced_bos_token_id=tokens_of[ENGLISH],
                max_new_tokens=max(limits),
                do_sample=False,
                num_beams=1,
            )
        # Each is cut at its own limit, so that a text's neighbours do not change its translation;
        # one token more, since the model starts from one that is not its own.
        own = [row[: 1 + limit] for row, limit in zip(answers.tolist(), limits, strict=True)]
        return [str(text).strip() for text in tokenizer.batch_decode(own, skip_special_tokens=True)]

    def translate(texts: Sequence[str], codes: Sequence[str]) -> list[str]:
        results = list(texts)
        places, sources = [], []
        for place, (text, code) in enumerate(zip(texts, codes, strict=True)):
            if code not in CODES:
                raise EngineError(
                    f"The translator has no language {code!r}; it knows {', '.join(CODES)}."
                )
            if code == "en" or not text.strip():
                continue
            words = tokenizer(text, add_special_tokens=False).input_ids[: MAX_TOKENS - 2]
            places.append(place)
            sources.append([tokens_of[CODES[code]], *words, end])
        for place, answer in zip(places, in_batches(some, sources, APPETITE, device), strict=True):
            results[place] = answer
        return results

    return translate
