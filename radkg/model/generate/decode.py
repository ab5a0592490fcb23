"""Generation with torch: greedy, batched, every token under the grammar, each with its probability.

B rows, T tokens, P prefix length, D language width, V vocabulary, U tokens the grammar allows now.

The loop asks the grammar first: the head is multiplied with the U rows of a step only. The full
softmax that the probabilities need is one product per batch, after the loop.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from radkg.model.generate.grammar import Grammar, HasTokenizer, drop_unfinished
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel

if TYPE_CHECKING:
    from llguidance import LLMatcher

_IMAGES = 32  # images whose prefixes are held at once; their prompts are sorted by length together
_HEAD_ROWS = 256  # positions that the full head sees at once: 156 MB of logits at V = 152 k


@dataclass(frozen=True, slots=True)
class Generation:
    """One output: the text, and its tokens with the probabilities that the model gave them."""

    text: str
    """parses and grounds; without the leading blank"""
    token_ids: tuple[int, ...]
    """as generated, with the token that ends the output where it was reached"""
    logprobs: tuple[float, ...]
    """log-probability of each token among ALL tokens, not only among those that were allowed"""
    finished: bool
    """false: the budget ran out, and the last item was cut off the text"""
    item_of: tuple[int, ...]
    """for each token the number of the item that it belongs to"""


class Draft(NamedTuple):
    """An output that another engine wrote without a grammar: its beginning may stand."""

    token_ids: Sequence[int] = ()
    logprobs: Sequence[float] = ()


class TextModel(Protocol):
    """What every engine needs of a model: a causal language model, and how text becomes tokens."""

    @property
    def model(self) -> Any:
        """The language model, a `PreTrainedModel` of transformers."""
        ...

    @property
    def directory(self) -> Path | None:
        """Where it stands in Hugging Face's layout; None: nowhere."""
        ...

    @property
    def language(self) -> TextLanguage:
        """Its prompts and outputs as tokens."""
        ...

    @property
    def vocab_size(self) -> int:
        """Rows of the head."""
        ...


class TextLanguage(HasTokenizer, Protocol):
    """Prompts and outputs as tokens."""

    def encode_prompt(self, prompt: Prompt, /) -> list[int]:
        """Return the tokens of a prompt."""
        ...

    def decode(self, ids: Iterable[int], /) -> str:
        """Return the text of output tokens without the end and the blank before it."""
        ...


class Engine(Protocol):
    """What turns prompts into valid text."""

    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order.

        Args:
            prompts: equal ones are generated once.
            prefixes: (images, P, D), of which `Prompt.image` is a row.
            max_new_tokens: budget of one output, with the token that ends it.
        """
        ...


def compute_item_confidences(generation: Generation) -> list[float]:
    """Return the model's probability [0, 1] of each item of the text, given those before it.

    It is the product over the item's tokens, with the one that ends the item: not calibrated, and
    lower for longer items.
    """
    sums = [0.0] * (generation.text.count(";") + 1 if generation.text else 0)
    for item, logprob in zip(generation.item_of, generation.logprobs, strict=True):
        if item < len(sums):
            sums[item] += logprob
    return [math.exp(min(0.0, total)) for total in sums]


def cut_batches(
    lengths: Sequence[int], batch_size: int, batch_tokens: int | None
) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each batch of rows that are sorted by their lengths.

    Args:
        lengths: tokens of each row, ascending.
        batch_size: rows of a batch, at most, where `batch_tokens` is None.
        batch_tokens: of a batch, its rows padded to the longest; a longer row is a batch alone.
    """
    start = 0
    for end, length in enumerate(lengths):
        rows = end + 1 - start
        if rows > 1 and (rows * length > batch_tokens if batch_tokens else rows > batch_size):
            yield start, end
            start = end
    if start < len(lengths):
        yield start, len(lengths)


def make_generation(
    model: TextModel,
    prompt: Prompt,
    ids: Sequence[int],
    logprobs: Sequence[float],
    *,
    finished: bool,
) -> Generation:
    """Return what tokens say; unless they are `finished`, the last item is cut off."""
    language = model.language
    item, item_of = 0, []
    for token in ids:
        item_of.append(item)
        # byte-level tokenizers and all others write ";" as itself
        item += ";" in (language.tokenizer.id_to_token(token) or "")
    text = drop_unfinished(language.decode(ids), prompt.target, finished=finished)
    return Generation(text, tuple(ids), tuple(logprobs), finished, tuple(item_of))


class TransformersEngine:
    """Greedy decoding with a key-value cache; rows leave the batch as they finish."""

    def __init__(
        self,
        model: VisionLanguageModel,
        grammar: Grammar,
        *,
        batch_size: int = 32,
        batch_tokens: int | None = None,
    ) -> None:
        """Take a model and its grammar.

        Args:
            model: trained weights, on the device to run on.
            grammar: of its prompts.
            batch_size: rows of a batch, at most.
            batch_tokens: of the prompts of a batch, padding included, in place of `batch_size`.
        """
        self.model = model.eval()
        self.grammar = grammar
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self._device = threading.Lock()  # one call computes, others wait

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Prompt],
        prefixes: Tensor | None,
        *,
        max_new_tokens: int,
        drafts: Mapping[Prompt, Draft] | None = None,
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine).

        Args:
            drafts: greedy outputs of the same model; as far as the grammar allows they are kept.
        """
        with self._device:
            return self._generate(prompts, prefixes, max_new_tokens, drafts or {})

    def _generate(
        self,
        prompts: Sequence[Prompt],
        prefixes: Tensor | None,
        max_new_tokens: int,
        drafts: Mapping[Prompt, Draft],
    ) -> list[Generation]:
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {max_new_tokens}: at least 1")
        done: dict[Prompt, Generation] = {}
        unique = dict.fromkeys(prompts)
        for images, members in _groups(list(unique)):
            if images and prefixes is None:
                raise ValueError("a prompt has an image, but there are no prefixes")
            past = self._prefix_cache(prefixes[images]) if prefixes is not None and images else None
            pending = [
                (self.model.language.encode_prompt(p), p, drafts.get(p, Draft())) for p in members
            ]
            pending.sort(key=lambda row: len(row[0]) + len(row[2].token_ids))
            lengths = [len(row[0]) + len(row[2].token_ids) for row in pending]
            for start, end in cut_batches(lengths, self.batch_size, self.batch_tokens):
                rows = pending[start:end]
                which = [images.index(p.image) for _, p, _ in rows if p.image is not None]
                outputs = self._batch(rows, _selected(past, which), max_new_tokens)
                for (_, prompt, _), (ids, logprobs, finished) in zip(rows, outputs, strict=True):
                    done[prompt] = make_generation(
                        self.model, prompt, ids, logprobs, finished=finished
                    )
        return [done[prompt] for prompt in prompts]

    def _prefix_cache(self, prefixes: Tensor) -> DynamicCache:
        """Return keys and values of the prefixes (images, P, D): once for all prompts of each."""
        cache = DynamicCache()
        inputs = prefixes.to(self.model.model.dtype)
        self.model.model.model(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
        return cache

    def _batch(
        self,
        rows: Sequence[tuple[list[int], Prompt, Draft]],
        cache: DynamicCache,
        max_new_tokens: int,
    ) -> list[tuple[list[int], list[float], bool]]:
        """Return each row's tokens, their log-probabilities, and whether it is finished."""
        decoder, head = self.model.model.model, self.model.model.lm_head.weight  # (V, D)
        device, eos = head.device, self.model.language.eos_id
        matchers = [self.grammar.make_matcher(prompt) for _, prompt, _ in rows]
        tokens = [
            _kept(draft.token_ids[: max_new_tokens - 1], matcher, eos)
            for (_, _, draft), matcher in zip(rows, matchers, strict=True)
        ]
        logprobs = [
            list(row[2].logprobs[: len(kept)]) for row, kept in zip(rows, tokens, strict=True)
        ]
        prompts = [[*row[0], *kept] for row, kept in zip(rows, tokens, strict=True)]
        active = list(range(len(rows)))  # rows not yet finished, in the order of the tensors
        states: list[Tensor] = []  # what the head saw at each step (B, D)
        scores: list[Tensor] = []  # logit of the token that was chosen (B,)
        owners: list[int] = []  # row of each of these

        lengths = torch.tensor([len(ids) for ids in prompts], device=device)
        width = int(lengths.max())
        inputs = torch.tensor(
            [ids + [eos] * (width - len(ids)) for ids in prompts], device=device
        )  # (B, T), padded on the right: no position is without anything to attend to
        start = cache.get_seq_length()
        seen = torch.arange(width, device=device) < lengths[:, None]
        seen = torch.cat([seen.new_ones(len(rows), start), seen], dim=1)
        positions = start + torch.arange(width, device=device).expand(len(rows), width)
        last = lengths - 1
        for step in itertools.count():
            hidden = decoder(
                input_ids=inputs,
                attention_mask=seen,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state  # (B, T, D), T = 1 after the first step
            state = hidden[torch.arange(len(active), device=device), last]
            ids, allowed = self.grammar.list_allowed([matchers[row] for row in active])
            columns = torch.from_numpy(ids).to(device)
            logits = state @ head[columns].T  # (B, U)
            logits.masked_fill_(~torch.from_numpy(allowed).to(device), -torch.inf)
            choice = logits.argmax(dim=1)
            chosen = columns[choice]
            states.append(state)
            scores.append(logits.gather(1, choice[:, None])[:, 0])
            owners += active
            kept = []
            for place, (row, token) in enumerate(zip(active, chosen.tolist(), strict=True)):
                tokens[row].append(token)
                goes_on = token != eos and matchers[row].consume_token(token)
                if goes_on and len(tokens[row]) < max_new_tokens:
                    kept.append(place)
            if not kept:
                break
            if len(kept) < len(active):
                keep = torch.tensor(kept, device=device)
                cache.batch_select_indices(keep)
                seen, lengths, chosen = seen[keep], lengths[keep], chosen[keep]
                active = [active[place] for place in kept]
            inputs = chosen[:, None]
            seen = torch.cat([seen, seen.new_ones(len(active), 1)], dim=1)
            positions = (start + lengths + step)[:, None]
            last = torch.zeros_like(lengths)
        for owner, logprob in zip(owners, _logprobs(states, scores, head), strict=True):
            logprobs[owner].append(logprob)
        # a matcher that gave up allows the end anywhere
        finished = [
            ids[-1] == eos and not matcher.is_error()
            for ids, matcher in zip(tokens, matchers, strict=True)
        ]
        return list(zip(tokens, logprobs, finished, strict=True))


def _groups(prompts: Sequence[Prompt]) -> Iterator[tuple[list[int], list[Prompt]]]:
    """Yield prompts that can share batches, with their images: few images at a time, or none."""
    text = [prompt for prompt in prompts if prompt.image is None]
    if text:
        yield [], text
    images = list(dict.fromkeys(p.image for p in prompts if p.image is not None))
    for start in range(0, len(images), _IMAGES):
        some = images[start : start + _IMAGES]
        yield some, [prompt for prompt in prompts if prompt.image in some]


def _kept(ids: Sequence[int], matcher: LLMatcher, eos: int) -> list[int]:
    """Return the tokens from the first on that the grammar allows; the matcher has seen them."""
    kept = list(itertools.takewhile(lambda token: token != eos, ids))
    kept = kept[: matcher.validate_tokens(kept)] if kept else kept
    if kept:
        matcher.consume_tokens(kept)
    return kept


def _selected(past: DynamicCache | None, rows: Sequence[int]) -> DynamicCache:
    """Return a cache of its own that starts with these rows of the prefixes' cache."""
    if past is None:
        return DynamicCache()
    index = torch.tensor(rows)
    return DynamicCache([(keys[index], values[index]) for keys, values, _ in past])


def _logprobs(states: Sequence[Tensor], scores: Sequence[Tensor], head: Tensor) -> list[float]:
    """Return log softmax over the whole vocabulary of each chosen token, in order."""
    seen = torch.cat(list(states))  # (N, D)
    normalisers = [
        torch.logsumexp((seen[at : at + _HEAD_ROWS] @ head.T).float(), dim=1)
        for at in range(0, len(seen), _HEAD_ROWS)
    ]
    # rounding may lift a certain token a hair above one
    result: list[float] = (
        (torch.cat(list(scores)).float() - torch.cat(normalisers)).clamp(max=0).tolist()
    )
    return result
