"""Print how many times slower this machine is than a quick one: 1.00 is as quick.

Two processes do the same fixed work side by side, as the two shares of the tests do. The work is
what the tests mostly do: Python objects, regular expressions, JSON, hashes. The standard library
suffices, so that the machine is measured before anything is installed.
"""

import hashlib
import json
import re
import sys
import time
from multiprocessing import get_context

SHARES = 2
QUICK_S = 1.9
"""seconds that a quick machine needs"""
ROUNDS = 800


def work(_: int) -> None:
    """Do the fixed work once."""
    word = re.compile(r"[a-z]+(?:ed|ing)?\b")
    for number in range(ROUNDS):
        rows = [
            {"study": f"{number}-{row}", "text": "no focal consolidation is seen " * 5, "row": row}
            for row in range(400)
        ]
        text = json.dumps(
            sorted(rows, key=lambda row: hashlib.sha256(row["study"].encode()).digest())
        )
        counts: dict[str, int] = {}
        for found in word.findall(text):
            counts[found] = counts.get(found, 0) + 1
        assert counts["consolidation"] == 2000
        assert len(json.loads(text)) == 400


def main() -> None:
    """Measure with all shares at work at once."""
    with get_context("fork").Pool(SHARES) as pool:
        begun = time.monotonic()
        pool.map(work, range(SHARES), chunksize=1)
        seconds = time.monotonic() - begun
    sys.stdout.write(f"{seconds / QUICK_S:.2f}\n")


if __name__ == "__main__":
    main()
