"""One step of greedy decoding under grammars, for engines that hand over the scores of all tokens.

B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from radkg.model.generate.grammar import Grammar

if TYPE_CHECKING:
    from llguidance import LLMatcher


def filter_scores(
    grammar: Grammar, matchers: Sequence[LLMatcher], scores: Tensor
) -> tuple[Tensor, list[float]]:
    """Return the scores with -inf where a grammar forbids, and the log-probability of each choice.

    Args:
        grammar: of the model.
        matchers: one per row, at its place in the row's grammar.
        scores: (B, V), before any softmax.

    Returns:
        (B, V) whose largest is the choice of the row; the log-probability [-inf, 0] of that choice
        among ALL tokens, not only among those that are allowed.
    """
    ids, allowed = grammar.list_allowed(matchers)
    columns = torch.from_numpy(ids).to(scores.device)
    some = scores[:, columns].masked_fill(
        ~torch.from_numpy(allowed).to(scores.device), -torch.inf
    )  # (B, U)
    masked = torch.full_like(scores, -torch.inf)
    masked[:, columns] = some
    best = some.amax(dim=1).float()
    logprobs = best - torch.logsumexp(scores.float(), dim=1)
    found: list[float] = logprobs.clamp(max=0).tolist()  # rounding may lift a certain one above
    return masked, found
