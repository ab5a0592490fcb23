"""What the model may write: for each prompt a grammar over tokens (llguidance), and its checks.

    copy    (end sep)* end      end = a run of the sentence's words, then a mark
    codes   (end sep)* end      end = a name of the closed vocabulary
    sep     " ;", or a relation

What the grammar allows and `drop_unfinished` has seen, `schema.linearize` parses and grounds.
The grammar knows tokens as bytes, so a text may be cut into other tokens than the tokenizer would
choose.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from radkg.errors import ExtractorError
from radkg.model.language import Prompt
from radkg.schema.linearize import BETWEEN, MARKS, Item, Target, ground, parse, split_words, write
from radkg.schema.records import RELATIONS

if TYPE_CHECKING:
    from llguidance import LLMatcher

_SEMICOLON = BETWEEN.rstrip()
_SEP = " | ".join(f'"{sep}"' for sep in (_SEMICOLON, *(f" {name}" for name in RELATIONS)))
_MARK = "[" + "".join(f"\\{mark}" for mark in MARKS.values()) + "]"
_MAX_NAMES = 128  # ends in one output of `codes`; the longest of Open-i has fewer than half


class HasTokenizer(Protocol):
    """A tokenizer, and the token that ends an output."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Of the tokenizers library."""
        ...

    @property
    def eos_id(self) -> int:
        """The token that ends an output."""
        ...


class Grammar:
    """The grammars of one model's prompts.

    Raises:
        ExtractorError: llguidance is not installed.
        ValueError: a name of the vocabulary cannot be told from the text around it.
    """

    def __init__(self, language: HasTokenizer, vocab_size: int, vocabulary: Sequence[str]) -> None:
        try:
            from llguidance import LLTokenizer
        except ImportError as error:
            raise ExtractorError(
                "constrained generation needs llguidance, and radkg never extracts without it: "
                "pip install llguidance"
            ) from error
        self._tokens = LLTokenizer(
            language.tokenizer.to_str(), n_vocab=vocab_size, eos_token=language.eos_id
        )
        self._codes = make_codes_grammar(vocabulary)
        self._codes_matcher: LLMatcher | None = None
        self._width = (vocab_size + 31) // 32

    def make_matcher(self, prompt: Prompt) -> LLMatcher:
        """Return a matcher at the start of the prompt's grammar."""
        if prompt.target == "copy":
            return self._compiled(make_copy_grammar(prompt.sentence, prompt.may_end_line))
        if self._codes_matcher is None:
            self._codes_matcher = self._compiled(self._codes)
        return self._codes_matcher.deep_copy()

    def list_allowed(
        self, matchers: Sequence[LLMatcher]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the U tokens that any matcher allows next, and which of them each allows (B, U).

        A matcher that gave up allows the end of the text.
        """
        bits = np.zeros((len(matchers), self._width), dtype=np.int32)
        for row, matcher in zip(bits, matchers, strict=True):
            matcher.unsafe_compute_mask_ptr(row.ctypes.data, row.nbytes)
        union = np.bitwise_or.reduce(bits, axis=0)
        ids = np.flatnonzero(np.unpackbits(union.view(np.uint8), bitorder="little"))
        return ids, ((bits[:, ids >> 5] >> (ids & 31)) & 1).astype(bool)

    def _compiled(self, lark: str) -> LLMatcher:
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokens, lark, log_level=0)
        if matcher.is_error():
            raise ExtractorError(f"llguidance refuses a grammar: {matcher.get_error()[:300]}")
        return matcher


def make_copy_grammar(sentence: str, may_end_line: bool = False) -> str:
    """Return the Lark grammar of what a sentence can state, and of a line end behind it."""
    found = [f" {word}" for word, _, _ in split_words(sentence)]
    end = ' "\\n"?' if may_end_line else ""
    if not found:
        return f'start: ""{end}\n'
    # an end closes with its mark, so that no lexeme is the beginning of another
    return (
        f"start: ((END SEP){{0,{2 * len(found) + 7}}} END)?{end}\n"
        f"END: RUN /( {_MARK})/\n"
        "RUN: ANY & /(?s:.+)/\n"  # a run may be empty by itself
        f'ANY: %regex {{"substring_chunks": {json.dumps(found)}}}\n'
        f"SEP: {_SEP}\n"
    )


def make_codes_grammar(vocabulary: Sequence[str]) -> str:
    """Return the Lark grammar of coded triplets over a closed vocabulary."""
    if not vocabulary:
        return 'start: ""\n'
    for name in vocabulary:
        words = name.split()
        if " ".join(words) != name or not words or ";" in name or set(words) & set(RELATIONS):
            raise ValueError(f"{name!r} cannot be a name of the closed vocabulary")
    names = " | ".join(json.dumps(f" {name}") for name in sorted(set(vocabulary)))
    return (
        f"start: (AGAIN{{0,{_MAX_NAMES - 1}}} NAME)?\n"
        "AGAIN: NAME SEP\n"  # one lexeme: a name may be the beginning of another
        f"NAME: {names}\n"
        f"SEP: {_SEP}\n"
    )


def drop_unfinished(text: str, target: Target, *, finished: bool) -> str:
    """Return the text without an item that the end of the budget cut, or a relation of a name
    with itself, which no grammar of bounded size excludes."""
    if not finished:
        text = text.rpartition(_SEMICOLON)[0]
    if target == "copy":
        return text
    return write(
        Item(head, tuple(link for link in links if link[1] != head))
        for head, links in parse(text, target)
    )


def is_valid(text: str, prompt: Prompt, vocabulary: frozenset[str]) -> bool:
    """Tell whether a text written without a grammar is one that the grammar allows."""
    try:
        items = parse(text, prompt.target)
        if prompt.target == "copy":
            ground(prompt.sentence, items)
            return True
    except ValueError:
        return False
    ends = [end for head, links in items for end in (head, *(tail for _, tail in links))]
    return all(" ".join(end.words) in vocabulary for end in ends)
