"""Languages of texts: papluca's XLM-RoBERTa (Conneau et al. 2020), which tells 20 apart."""

from collections.abc import Callable, Sequence

from vemoclap.engines import pretrained
from vemoclap.engines.batching import Appetite, in_batches
from vemoclap.records import Language

ARTEFACT = "xlm-r"
CODES = frozenset(
    "ar bg de el en es fr hi it ja nl pl pt ru sw th tr ur vi zh".split()  # noqa: SIM905
)

MAX_TOKENS = 512  # what the model has positions for; a language shows long before

# Of a text of 512 tokens: a layer's inner 3072 numbers, twice, and its queries, keys and values.
# Measured 22 MB.
APPETITE = Appetite(bytes_per_item=30_000_000, most=32)


def load(device: str) -> Callable[[Sequence[str]], list[Language]]:
    """Return an identifier: texts -> the likeliest language of each and its probability.

    A text of spaces only is no evidence of any language, so it gets English at 1/20, which is
    the chance of each.

    Raises:
        WeightsError: the weights are missing, damaged or not this model's.
    """
    import torch

    tokenizer = pretrained.tokenizer("XLMRobertaTokenizer", ARTEFACT)
    network = pretrained.network(
        "XLMRobertaForSequenceClassification", ARTEFACT, device, spare=("roberta.pooler.",)
    )
    names = pretrained.labels(network.config, CODES, ARTEFACT)

    def some(texts: Sequence[str]) -> list[Language]:
        inputs = tokenizer(
            list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(device)
        with torch.inference_mode():
            probabilities = network(**inputs).logits.float().softmax(-1).cpu()  # (b, 20)
        best = probabilities.max(-1)
        return [
            Language(names[index], probability)
            for index, probability in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def identify(texts: Sequence[str]) -> list[Language]:
        found = iter(in_batches(some, [text for text in texts if text.strip()], APPETITE, device))
        unknown = Language("en", 1 / len(names))
        return [next(found) if text.strip() else unknown for text in texts]

    return identify
