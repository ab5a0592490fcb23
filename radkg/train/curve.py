"""The loss curve of a run: JSON lines for programs, TensorBoard for people.

A run that goes on from a checkpoint takes back what was written after it, so that no step stands
twice. One process writes; a line that a killed one left half written is taken back as well.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from radkg.private import open_private, write_text
from radkg.train.trainer import StepResult

METRICS = "metrics.jsonl"
TENSORBOARD = "tensorboard"


class Curve:
    """Appends one line per logged step of a stage; use as a context manager."""

    def __init__(self, out: Path, stage: str, step: int, num_steps: int) -> None:
        """Open the curve behind `step`, the last one that counts."""
        from torch.utils.tensorboard import SummaryWriter

        self._stage, self._num_steps = stage, num_steps
        self._path = out / METRICS
        kept = [m for m in read_curve(out) if m["stage"] != stage or m["step"] <= step]
        temporary = self._path.with_suffix(".tmp")
        write_text(temporary, "".join(json.dumps(m) + "\n" for m in kept))
        temporary.replace(self._path)
        self._file = open_private(self._path, "a", buffering=1)
        self._board: Any = SummaryWriter(str(out / TENSORBOARD / stage), purge_step=step + 1)
        self._flops = self._tokens = 0.0
        self._positions = 0.0
        self._steps = 0
        self._since = time.perf_counter()
        self._started = (step, self._since)

    def __enter__(self) -> Curve:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._board.close()

    def count(self, result: StepResult, flops: float | None) -> None:
        """Add a step to the speed of the next line."""
        self._steps += 1
        self._tokens += result.tokens
        self._positions += result.tokens / max(1e-9, 1 - result.padding)
        self._flops += flops or 0.0

    def write(self, result: StepResult, peak: float | None, workers: int) -> None:
        """Write a line: the loss of this step, the speed since the line before.

        Args:
            peak: FLOP/s of all devices together; None where it is not known.
        """
        now = time.perf_counter()
        seconds = now - self._since
        first, begun = self._started
        left = self._num_steps - result.step
        line: dict[str, Any] = {
            "stage": self._stage,
            "step": result.step,
            "steps": self._num_steps,
            "loss": result.loss,
            "learning_rate": result.learning_rate,
            "grad_norm": result.grad_norm,
            "tokens_per_s": round(self._tokens / seconds, 1),
            "padding": round(1 - self._tokens / max(1.0, self._positions), 4),
            "mfu": round(self._flops / seconds / peak, 4) if peak and self._flops else None,
            "seconds_per_step": round(seconds / self._steps, 4),
            "eta_s": round(left * (now - begun) / max(1, result.step - first), 1),
            "workers": workers,
            "time": round(time.time(), 3),
        }
        self._file.write(json.dumps(line) + "\n")
        for name in ("loss", "learning_rate", "grad_norm", "tokens_per_s", "padding", "mfu"):
            if line[name] is not None:
                self._board.add_scalar(name, line[name], result.step)
        self._flops = self._tokens = self._positions = 0.0
        self._steps = 0
        self._since = now


def read_curve(out: Path) -> list[dict[str, Any]]:
    """Return the lines of a run, in order; [] where it has none. A half line is left out."""
    try:
        text = (out / METRICS).read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("}\n")]


def read_last_line(out: Path) -> dict[str, Any] | None:
    """Return the newest line of a run without reading the whole file."""
    try:
        with (out / METRICS).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return None
    whole = [line for line in lines[:-1] if line.startswith(b"{")]
    found: dict[str, Any] | None = json.loads(whole[-1]) if whole else None
    return found
