"""Plot the table of an experiment: a panel for each figure, a line for each row, 95 % intervals."""

from __future__ import annotations

from pathlib import Path

from radkg.errors import ExtractorError
from radkg.experiments.table import Figure, Table

_ROW_INCHES, _PANEL_INCHES, _LABEL_INCHES = 0.32, 2.6, 3.0
_COLOURS = ("#1f5fa8", "#c4501b", "#3b7d3b", "#7a4fa3", "#8c6d1f", "#5a5a5a")


def plot(table: Table, path: Path) -> None:
    """Write the shown figures of a table as a PNG.

    Raises:
        ExtractorError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise ExtractorError("the plot needs matplotlib: pip install matplotlib") from error
    groups = list(dict.fromkeys(row.group for row in table.rows))
    colours = {group: _COLOURS[i % len(_COLOURS)] for i, group in enumerate(groups)}
    width = _LABEL_INCHES + _PANEL_INCHES * len(table.shown)
    height = 1.3 + _ROW_INCHES * max(3, len(table.rows))
    canvas = Canvas(figsize=(width, height), layout="constrained", dpi=130)
    panels = canvas.subplots(1, len(table.shown), sharey=True, squeeze=False)[0]
    heights = [-i for i in range(len(table.rows))]
    for panel, name in zip(panels, table.shown, strict=True):
        for row, at in zip(table.rows, heights, strict=True):
            figure = row.figures.get(name)
            if figure is not None:
                panel.errorbar(
                    figure.value,
                    at,
                    xerr=_error(figure),
                    fmt="o",
                    markersize=5,
                    capsize=3,
                    color=colours[row.group],
                )
        panel.set_title(name, fontsize=10)
        left, right = panel.get_xlim()
        # so that the edge does not cut a point at 0; a difference may be below
        panel.set_xlim(left=min(left, -0.03 * right))
        panel.grid(axis="x", color="#dddddd", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=9)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    panels[0].set_yticks(heights, [f"{row.group}: {row.name}" for row in table.rows], fontsize=9)
    for label, row in zip(panels[0].get_yticklabels(), table.rows, strict=True):
        label.set_color(colours[row.group])
    canvas.suptitle(f"{table.title} (bars: 95 % bootstrap intervals)", fontsize=11)
    canvas.savefig(path)


def _error(figure: Figure) -> list[list[float]]:
    """Return how far the interval reaches to the left and to the right."""
    return [[max(0.0, figure.value - figure.low)], [max(0.0, figure.high - figure.value)]]
