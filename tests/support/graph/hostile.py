"""Seeded texts that would be statements, if anything took them for a part of one."""

from __future__ import annotations

import random
from collections.abc import Iterator

_ENDS = (
    "'",
    '"',
    "`",
    "')",
    "'})",
    '"})',
    "`)",
    "\\'",
    "\\",
    "\\u0027",
    "''",
    "}",
    "]",
    ")",
    "*/",
    "",
)
_CLAUSES = (
    "MATCH (n) DETACH DELETE n",
    "MATCH (n) SET n.key = 'x'",
    "MATCH (n) REMOVE n:Study",
    "CREATE (:Intruder {key: 'x'})",
    "MERGE (:Intruder {key: 'x'})",
    "DROP INDEX intruder IF EXISTS",
    "CREATE INDEX intruder IF NOT EXISTS FOR (n:Intruder) ON (n.key)",
    "CALL db.createLabel('Intruder')",
    "CALL { CREATE (:Intruder) } RETURN 1",
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "FOREACH (x IN [1] | CREATE (:Intruder))",
    "RETURN 1 UNION MATCH (n) DELETE n RETURN 1",
    "OR 1 = 1",
    "$finding",
    "${finding}",
    "none",
    "-1",
    "1e999",
)
_SEPARATORS = (" ", "\n", ";", "\t", " // ", " /* ", " RETURN 1 ", "\x00", "\u2028", "\u202e", "")
_TAILS = ("//", "/*", ";", " AS x", "' ", '" ', "\n", "\\", "\ud800", "")


def payloads(number: int, seed: int = 0) -> Iterator[str]:
    """Yield that many texts; equal arguments, equal texts."""
    draw = random.Random(seed)
    for _ in range(number):
        parts = [draw.choice(_ENDS)]
        for _ in range(draw.randint(1, 3)):
            parts += [draw.choice(_SEPARATORS), draw.choice(_CLAUSES)]
        if draw.random() < 0.1:
            parts.append("".join(map(chr, draw.choices(range(1, 0x2FFF), k=draw.randint(1, 2000)))))
        yield "".join([*parts, draw.choice(_SEPARATORS), draw.choice(_TAILS)])
