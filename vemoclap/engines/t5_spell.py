"""Spelling: ai-forever's T5-large-spell (Martynov et al. 2023), which mends English texts."""

from collections.abc import Callable, Sequence

from vemoclap.engines import pretrained
from vemoclap.engines.batching import Appetite, in_batches

ARTEFACT = "t5-spell"
PREFIX = "grammar: "  # what the model was trained to see before each text

MAX_TOKENS = 512  # of a text with its prefix, what T5 was trained on; the rest is cut off

# Of a text of 512 tokens with a correction as long: keys and values of both, 24 layers x 2 x 1024
# positions x 1024 numbers, 200 MB, and what the encoder works with, 25 MB.
APPETITE = Appetite(bytes_per_item=240_000_000, most=16)


def longest(tokens: int) -> int:
    """Return how many tokens a correction of an input of ``tokens`` may have.

    A correction is about as long as its text, and half as much again leaves room; the constant
    is for texts of a few tokens. Without a limit a model that repeats itself would go on.
    """
    return min(tokens + tokens // 2 + 8, MAX_TOKENS)


def load(device: str) -> Callable[[Sequence[str]], list[str]]:
    """Return a corrector: English texts -> corrected, greedily decoded.

    Texts of spaces only come back as they are, as the model would invent something.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    tokenizer = pretrained.tokenizer("T5Tokenizer", ARTEFACT)
    network = pretrained.network("T5ForConditionalGeneration", ARTEFACT, device, writes=True)

    def some(texts: Sequence[str]) -> list[str]:
        inputs = tokenizer(
            [PREFIX + text for text in texts],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        ).to(device)
        limits = [longest(count) for count in inputs["attention_mask"].sum(-1).tolist()]
        with torch.inference_mode():
            answers = network.generate(
                **inputs, max_new_tokens=max(limits), do_sample=False, num_beams=1
            )
        # Each is cut at its own limit, so that a text's neighbours do not change its correction;
        # one token more, since the model starts from one that is not its own.
        own = [row[: 1 + limit] for row, limit in zip(answers.tolist(), limits, strict=True)]
        return [str(text).strip() for text in tokenizer.batch_decode(own, skip_special_tokens=True)]

    def correct(texts: Sequence[str]) -> list[str]:
        found = iter(in_batches(some, [text for text in texts if text.strip()], APPETITE, device))
        return [next(found) if text.strip() else text for text in texts]

    return correct
