"""Which of many moments are looked at."""

import numpy as np


def equidistant(total: int, count: int) -> tuple[int, ...]:
    """Return ``count`` indices into ``total`` things, first and last included.

    All of them where there are no more than ``count``. Halves are rounded to even, as the
    paper's code does: ``round(linspace(0, total - 1, count))``.
    """
    if total <= count:
        return tuple(range(total))
    return tuple(int(index) for index in np.round(np.linspace(0, total - 1, count)))
