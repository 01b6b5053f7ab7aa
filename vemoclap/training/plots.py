"""Pictures of numbers: confusion, reliability, and what experiments found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vemoclap.training.calibration import Reliability
from vemoclap.training.metrics import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2f6f9f", "#d9822b", "#8a8a8a"
DOTS = 150  # per inch


def confusion(path: Path, labels: Sequence[str], shares: Sequence[Sequence[float]]) -> None:
    """Write a confusion matrix: a row per true label, each square the share of its row."""
    size = 1.6 + 0.75 * len(labels)
    figure, axes = _canvas(size, size)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, line in enumerate(shares):
        for column, share in enumerate(line):
            ink = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=ink)
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, labels)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    for side in axes.spines.values():
        side.set_visible(False)
    _write(figure, path)


def reliability(path: Path, before: Reliability, after: Reliability) -> None:
    """Write how often answers of each confidence are right, before and after the temperature."""
    figure, axes = _canvas(5.2, 4.6)
    axes.plot((0, 1), (0, 1), color=GREY, linestyle="--", linewidth=1, label="ideal")
    for one, colour, mark, name in (
        (before, ORANGE, "s", "before"),
        (after, BLUE, "o", "after"),
    ):
        bins = [part for part in one.bins if part.count]
        most = max(part.count for part in bins)
        xs, ys = [part.confidence for part in bins], [part.accuracy for part in bins]
        axes.plot(xs, ys, color=colour, linewidth=1, alpha=0.6)
        sizes = [15 + 105 * part.count / most for part in bins]
        axes.scatter(
            xs,
            ys,
            s=sizes,
            color=colour,
            marker=mark,
            clip_on=False,
            zorder=3,
            label=f"{name} (ECE {one.ece:.3f})",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("probability of the answer (larger marks: more videos)")
    axes.set_ylabel("share that was right")
    legend = axes.legend(frameon=False, loc="upper left")
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([40])
    _write(figure, path)


def bars(path: Path, rows: Sequence[tuple[str, Spread]], what: str, chance: float | None) -> None:
    """Write one bar per row, the first on top, with its standard deviation as a whisker."""
    figure, axes = _canvas(7.0, 1.2 + 0.42 * len(rows))
    names = [name for name, _ in rows]
    means = [100 * spread.mean for _, spread in rows]
    deviations = [100 * spread.sd for _, spread in rows]
    places = list(range(len(rows)))
    axes.barh(places, means, xerr=deviations, color=BLUE, ecolor="black", capsize=3, height=0.65)
    for place, mean, deviation in zip(places, means, deviations, strict=True):
        axes.text(mean + deviation + 1.5, place, f"{mean:.1f}", va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel(what)
    if chance is not None:
        axes.axvline(100 * chance, color=ORANGE, linestyle="--", linewidth=1)
        axes.text(100 * chance + 0.8, -0.75, "chance", color=ORANGE, fontsize=8, va="center")
    _write(figure, path)


def curve(path: Path, xs: Sequence[float], ys: Sequence[Spread], across: str, up: str) -> None:
    """Write a line through means in percent, with a band of one standard deviation."""
    figure, axes = _canvas(6.0, 4.0)
    means = [100 * spread.mean for spread in ys]
    low = [100 * (spread.mean - spread.sd) for spread in ys]
    high = [100 * (spread.mean + spread.sd) for spread in ys]
    axes.fill_between(xs, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(xs, means, color=BLUE, marker="o", markersize=5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(xs, [f"{x:g}" for x in xs])
    axes.minorticks_off()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    _write(figure, path)


def lines(
    path: Path,
    panels: Sequence[tuple[str, Mapping[str, Sequence[tuple[float, Spread]]]]],
    across: str,
) -> None:
    """Write panels side by side, each of some named lines of (x, y), with whiskers.

    Args:
        path: the picture.
        panels: the name of the upright axis, and line name -> its points.
        across: the name of the other axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0 * len(panels), 4.0), layout="constrained")
    for number, (up, named) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        for (name, points), colour in zip(
            named.items(), (BLUE, ORANGE, GREY, "black"), strict=False
        ):
            axes.errorbar(
                [x for x, _ in points],
                [spread.mean for _, spread in points],
                yerr=[spread.sd for _, spread in points],
                marker="o",
                markersize=5,
                capsize=3,
                color=colour,
                label=name,
            )
        highest = max(one.mean + one.sd for points in named.values() for _, one in points)
        axes.set_ylim(0, 1.1 * highest)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid(alpha=0.3)
        _tidy(axes)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=DOTS)


def _canvas(width: float, height: float) -> "tuple[Figure, Axes]":
    """Return an empty picture of so many inches, which no window will show."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _tidy(axes)
    return figure, axes


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _write(figure: "Figure", path: Path) -> None:
    figure.savefig(path, dpi=DOTS)
