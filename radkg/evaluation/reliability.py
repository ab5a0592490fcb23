"""The reliability plot of a report: how often answers of a confidence are right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError


def plot_reliability(report: Mapping[str, Any], path: Path) -> None:
    """Write the calibration of a report (radkg.evaluation.evaluate) as a PNG.

    Raises:
        ConfigError: the report has no confidences to judge.
    """
    from matplotlib.figure import Figure

    found = report["calibration"] or {}
    if "bins" in found:  # target copy: one curve, against the silver reading
        found = {"triplets (silver)": found}
    curves = {name: curve for name, curve in found.items() if curve["bins"]}
    if not curves:
        raise ConfigError(f"{report['extractor']} gives no confidences that gold can judge here")
    figure = Figure(figsize=(5.5, 5), layout="constrained", dpi=130)
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    for (name, curve), colour in zip(curves.items(), ("#1f5fa8", "#c4501b"), strict=False):
        bins = curve["bins"]
        panel.plot(
            [b["confidence"] for b in bins],
            [b["accuracy"] for b in bins],
            marker="o",
            color=colour,
            label=f"{name}: calibration error {curve['expected_calibration_error']:.3f}",
        )
        for b in bins:
            panel.annotate(
                f"{b['count']:,}",
                (b["confidence"], b["accuracy"]),
                textcoords="offset points",
                xytext=(4, -10),
                fontsize=7,
                color=colour,
            )
    panel.set_xlabel("mean confidence of the answers in a tenth")
    panel.set_ylabel("share that is right")
    panel.set_xlim(0, 1.02)
    panel.set_ylim(0, 1.02)
    panel.set_title(
        f"{report['extractor']}, target {report['target']}, {report['condition']}: "
        f"{_name_studies(report)}",
        fontsize=10,
    )
    panel.legend(loc="upper left", fontsize=9)
    figure.savefig(path)


def _name_studies(report: Mapping[str, Any]) -> str:
    if "split" in report:
        return f"{report['studies']} studies ({report['split']})"
    return f"{report['texts']} {report['text_is']}s ({report['gold']})"
