"""A Python that has no radkg, as a node has before somebody installs it there."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages.blocks import ROOT

_SITE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "radkg":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def hide_radkg(folder: Path) -> str:
    """Write into a folder what hides radkg; return the PYTHONPATH that makes it act."""
    (folder / "sitecustomize.py").write_text(_SITE)
    return f"{folder}:{ROOT}"
