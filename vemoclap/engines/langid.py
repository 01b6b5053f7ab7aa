"""Languages of texts: py3langid, with the model inside its wheel."""

from collections.abc import Callable, Sequence

from vemoclap.records import Language

# Members of a language that has an ISO 639-1 code, which other engines know them by: spoken
# Arabic of Egypt and Morocco, Cantonese, Wu, and so on. The few without such a code stay.
_ISO_639_1 = {
    "ary": "ar",
    "arz": "ar",
    "fuv": "ff",
    "gug": "gn",
    "kik": "ki",
    "sdh": "ku",
    "uzs": "uz",
    "wuu": "zh",
    "yue": "zh",
}
NO_LANGUAGE = "zxx"  # of numbers and signs


def load(device: str) -> Callable[[Sequence[str]], list[Language]]:
    """Return an identifier: texts -> the likeliest language of each and its probability.

    It is a table lookup, so it stays on the CPU whatever ``device`` says. Short texts get honest,
    low probabilities: "inside edition" is English at 0.22. What is no language at all counts as
    English at 0, which is unknown.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def one(text: str) -> Language:
        code, probability = identifier.classify(text)
        if code == NO_LANGUAGE:
            return Language("en", 0.0)
        return Language(_ISO_639_1.get(str(code), str(code)), float(probability))

    return lambda texts: [one(text) for text in texts]
