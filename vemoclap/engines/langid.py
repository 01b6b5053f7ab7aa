"""Languages of texts: py3langid, with the model inside its wheel."""

from collections.abc import Callable, Sequence

from vemoclap.records import Language


def load(device: str) -> Callable[[Sequence[str]], list[Language]]:
    """Return an identifier: texts -> the likeliest language of each and its probability.

    It is a table lookup, so it stays on the CPU whatever ``device`` says. Short texts get honest,
    low probabilities: "inside edition" is English at 0.22.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(texts: Sequence[str]) -> list[Language]:
        answers = (identifier.classify(text) for text in texts)
        return [Language(str(code), float(probability)) for code, probability in answers]

    return identify
