"""The blocks of the pages: commands that run, code that runs, and what they print."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]


def read_blocks(page: Path, kind: str) -> list[str]:
    """Return the fenced blocks of a page that are marked as of a kind, such as `bash`."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for marked, text in found if marked == kind]


def read_commands(page: Path) -> list[str]:
    """Return the lines of the `bash` blocks of a page, in order: each is one command."""
    return [line for block in read_blocks(page, "bash") for line in block.splitlines()]


def read_table(page: Path, mark: str) -> str:
    """Return what stands between the marks `<!-- MARK -->` and `<!-- /MARK -->` of a page."""
    _, _, rest = page.read_text().partition(f"<!-- {mark} -->\n")
    return rest.partition(f"\n<!-- /{mark} -->")[0]
