"""Words that de-identification removed are never written: no XXXX (Open-i), no ___ (MIMIC).

A report's vocabulary needs neither two x in a row nor two underscores, so no pair of them is
generated, in one token or across two.

B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import re

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LogitsProcessor

_PAIR = re.compile(r"xx|__", re.IGNORECASE)
_BLANKS = str.maketrans({"\u0120": " ", "\u2581": " "})  # byte-level BPE's and sentencepiece's
_SIGNS = {"x": 1, "_": 2}


class NoMasks(LogitsProcessor):
    """Forbids the tokens that would write a mask, and special tokens other than the end."""

    def __init__(self, tokenizer: Tokenizer, eos_id: int, vocab_size: int) -> None:
        self._forbidden = torch.zeros(vocab_size, dtype=torch.bool)
        self._begins = torch.zeros(vocab_size, dtype=torch.int64)
        self._ends = torch.zeros(vocab_size, dtype=torch.int64)
        added = tokenizer.get_added_tokens_decoder()
        known = tokenizer.get_vocab(with_added_tokens=True)
        for token, i in known.items():
            text = token.translate(_BLANKS).lower()
            is_special = i in added and added[i].special
            self._forbidden[i] = i != eos_id and (is_special or bool(_PAIR.search(text)))
            self._begins[i], self._ends[i] = _SIGNS.get(text[:1], 0), _SIGNS.get(text[-1:], 0)
        self._forbidden[max(known.values()) + 1 :] = True  # rows of a padded matrix are no tokens

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return scores (B, V) with -inf for what may not follow the tokens (B, T)."""
        device = scores.device
        forbidden = self._forbidden.to(device)[None]
        if input_ids.shape[1]:
            last = self._ends.to(device)[input_ids[:, -1]][:, None]
            forbidden = forbidden | ((last > 0) & (self._begins.to(device)[None] == last))
        return scores.masked_fill(forbidden, -torch.inf)
