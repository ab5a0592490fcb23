"""A grammar over words: a sentence of words of a list alone, each as often as the model likes.

B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LogitsProcessor

from radkg.errors import ExtractorError

_MOST_WORDS = 40  # of a sentence


class WordGrammar(LogitsProcessor):
    """Forbids the tokens with which a row would leave its own list of words.

    Args:
        tokenizer: of the language model.
        vocab_size: V, of its head.
        eos_id: token that ends a sentence.
        words: of each row, in small letters; the first word of a sentence gets a capital.

    Raises:
        ExtractorError: llguidance is not installed, or a list is empty.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        vocab_size: int,
        eos_id: int,
        words: Sequence[Collection[str]],
    ) -> None:
        try:
            from llguidance import LLMatcher, LLTokenizer
        except ImportError as error:
            raise ExtractorError(
                "constrained generation needs llguidance: pip install llguidance"
            ) from error
        if not all(words):
            raise ExtractorError("a sentence needs words: the list of a row is empty")
        tokens = LLTokenizer(tokenizer.to_str(), n_vocab=vocab_size, eos_token=eos_id)
        self._matchers = [LLMatcher(tokens, make_word_grammar(row), log_level=0) for row in words]
        self._width = (vocab_size + 31) // 32
        self._size, self._eos = vocab_size, eos_id

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return scores (B, V) with -inf for what may not follow the tokens (B, T)."""
        bits = np.zeros((len(self._matchers), self._width), dtype=np.int32)
        for row, (matcher, bit) in enumerate(zip(self._matchers, bits, strict=True)):
            if input_ids.shape[1] and int(input_ids[row, -1]) != self._eos:
                matcher.consume_token(int(input_ids[row, -1]))
            matcher.unsafe_compute_mask_ptr(bit.ctypes.data, bit.nbytes)
        allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : self._size]
        mask = torch.from_numpy(allowed.astype(bool)).to(scores.device)
        mask[:, self._eos] |= ~mask.any(1)  # what is finished goes on with its end
        return scores.masked_fill(~mask, -torch.inf)


def make_word_grammar(words: Collection[str]) -> str:
    """Return the Lark grammar of a sentence: a capital, words with commas between, a full stop."""
    ordered = sorted(set(words))
    first = " | ".join(json.dumps(word[:1].upper() + word[1:]) for word in ordered)
    other = " | ".join(json.dumps(f" {word}") for word in ordered)
    return (
        f'start: FIRST (COMMA? OTHER){{0,{_MOST_WORDS - 1}}} "."\n'
        f"FIRST: {first}\nOTHER: {other}\n"
        'COMMA: ","\n'
    )
