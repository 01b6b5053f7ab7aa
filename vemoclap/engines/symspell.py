"""English words apart and rightly spelt: SymSpell, with the dictionary of symspellpy's wheel."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Any

SHORTEST = 5  # letters; shorter words have too many neighbours to tell which was meant

# Occurrences among the trillion words of the web that the dictionary counts: words above it
# ("tomatoes" has 5.9 million) are common enough to be what somebody meant.
COMMON = 2_000_000

DOMINANCE = 10  # how many times commoner the best neighbour must be than the next

# Lower-case letters with punctuation around them at most. Digits, capitals, apostrophes, accents,
# addresses and other scripts are shapes of which the dictionary knows nothing.
_PLAIN = re.compile(r"([^\w\s]*)([a-z]+)([^\w\s]*)")


def load_segment(device: str) -> Callable[[str], str]:
    """Return a segmenter: English text -> the same with spaces where words meet.

    No letter is changed: the edit distance is 0, as in the paper. The library itself drops
    hyphens, so "world-record" becomes "world record".
    """
    dictionary = _dictionary()

    def segment(text: str) -> str:
        found = dictionary.word_segmentation(text, max_edit_distance=0)
        return str(found.corrected_string).strip()

    return segment


def load_spell(device: str) -> Callable[[Sequence[str]], list[str]]:
    """Return a corrector: English texts -> the same with unmistakable slips of spelling mended.

    It would rather miss a slip than invent a word. A word changes only when it is plain lower-case
    letters, at least ``SHORTEST`` of them, is not in the dictionary, and has one neighbour with
    the same first letter at a Damerau-Levenshtein distance of 1 that is ``COMMON`` and
    ``DOMINANCE`` times as common as any other. Numbers, names with capitals, short words and
    all spacing and punctuation stay as they are.
    """
    dictionary = _dictionary()

    def correct(texts: Sequence[str]) -> list[str]:
        return [
            "".join(_mended(piece, dictionary) for piece in re.split(r"(\s+)", text))
            for text in texts
        ]

    return correct


def _mended(piece: str, dictionary: Any) -> str:
    from symspellpy import Verbosity

    shape = _PLAIN.fullmatch(piece)
    if shape is None or len(shape[2]) < SHORTEST:
        return piece
    before, word, after = shape.groups()
    if word in dictionary.words:
        return piece
    near = [
        (suggestion.count, suggestion.term)
        for suggestion in dictionary.lookup(word, Verbosity.ALL, max_edit_distance=1)
        if suggestion.term[0] == word[0]
    ]
    (best, term), (second, _) = sorted([*near, (0, word), (0, word)], reverse=True)[:2]
    if best < COMMON or best < DOMINANCE * second:
        return piece
    return f"{before}{term}{after}"


@cache
def _dictionary() -> Any:
    """Return the 82,765-word English dictionary, loaded once for both roles.

    It is indexed to distance 1 for spelling; a look-up at distance 0 finds exactly what an index
    to distance 0 would.
    """
    from symspellpy import SymSpell

    dictionary = SymSpell(max_dictionary_edit_distance=1)
    with as_file(files("symspellpy") / "frequency_dictionary_en_82_765.txt") as path:
        dictionary.load_dictionary(path, term_index=0, count_index=1)
    return dictionary
