"""What a chat model is told: the annotation guide, the form of an answer, examples, a sentence.

The guide is the one that the annotators of radkg's texts followed (gold/annotations/guide.md), and
that `radkg data radgraph-style` publishes. Its own line format is for people who count tokens; the
form of an answer here is that of schema/linearize.py, which a grammar can bind to the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from radkg.chat.examples import ExampleText
from radkg.errors import StorageError
from radkg.gold.annotated import ANNOTATIONS

GUIDE = ANNOTATIONS / "guide.md"
ANSWER = "Output:"
"""what the answer begins with; the model goes on after it"""

_LEFT_OUT = ("Examples",)  # they are in the format with numbered tokens

_TASK = """You annotate sentences of chest X-ray reports with entities and relations, by the \
schema of RadGraph. Write what the sentence states, in its own words, as items with " ; " between \
them.

An item is an entity, or an entity with its relations: the words of the entity, its mark, then for \
each relation the relation's name, the words of the other entity and its mark. Each entity that \
begins a relation has an item; an entity without any relation is an item of its own.

Marks, with the letters of the guide: @ is A (anatomy), + is P (observation, present), ? is U \
(observation, uncertain), - is N (observation, absent).
Relations, with the letters of the guide: modify is m, located_at is l, suggestive_of is s.
A sentence that states nothing has an empty output.

The guide:
"""


@cache
def read_instruction() -> str:
    """Return what stands before the examples, equal in every prompt.

    Raises:
        StorageError: the guide is not in the installed package.
    """
    try:
        parts = GUIDE.read_text(encoding="utf-8").split("\n## ")
    except OSError as error:
        raise StorageError(f"cannot read {GUIDE}: {error}: install radkg again") from error
    kept = [part.strip() for part in parts[1:] if not part.startswith(_LEFT_OUT)]
    return _TASK + "\n\n".join(kept)


def write_question(examples: Iterable[ExampleText], sentence: str) -> str:
    """Return the message of a user that asks for the output of a sentence."""
    shown = [f"Sentence: {_flatten(e.sentence)}\n{ANSWER} {e.output}".rstrip() for e in examples]
    return "\n\n".join([read_instruction(), *shown, f"Sentence: {_flatten(sentence)}"])


def _flatten(sentence: str) -> str:
    """Return a sentence on one line: reports are wrapped anywhere."""
    return " ".join(sentence.split())
