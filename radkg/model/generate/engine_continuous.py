"""Generation through transformers' continuous batching, on a GPU or a CPU.

Requests join and leave the batch at every token, and pages of the cache that hold the same
beginning are shared: the guide before every sentence is read once. Several calls may run at once,
and their requests share batches.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig, LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
    ContinuousBatchingLogitsProcessorList,
)

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Engine, Generation, TextModel, make_generation
from radkg.model.generate.grammar import Grammar
from radkg.model.generate.masking import filter_scores
from radkg.model.language import Prompt

if TYPE_CHECKING:
    from llguidance import LLMatcher

_PAGE = 32  # tokens: the part of a beginning that two prompts can share
_CPU_BATCH_TOKENS = 2048
_WAIT_S = 0.05


class ContinuousEngine:
    """Greedy decoding; prompts with an image go to the engine beside it."""

    def __init__(
        self, model: TextModel, grammar: Grammar, beside: Engine, batch_tokens: int | None = None
    ) -> None:
        self.model = model
        self.grammar = grammar
        self.beside = beside
        self.batch_tokens = batch_tokens
        self._network = _share_weights(model.model)
        self._chooser = _Chooser(grammar)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._calls = 0
        self._room = 0  # tokens of one request that fit into the cache
        self._manager: Any = None
        self._done: dict[str, Any] = {}

    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine)."""
        done: dict[Prompt, Generation] = {}
        unique = list(dict.fromkeys(prompts))
        seeing = [prompt for prompt in unique if prompt.image is not None]
        if seeing:
            made = self.beside.generate(seeing, prefixes, max_new_tokens=max_new_tokens)
            done.update(zip(seeing, made, strict=True))
        text = [prompt for prompt in unique if prompt.image is None]
        if text:
            done.update(zip(text, self._generate(text, max_new_tokens), strict=True))
        return [done[prompt] for prompt in prompts]

    def _generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generation]:
        encoded = [self.model.language.encode_prompt(prompt) for prompt in prompts]
        eos = self.model.language.eos_id
        with self._running(max(map(len, encoded)) + max_new_tokens) as manager:
            names = [f"r{next(self._numbers)}" for _ in prompts]
            for name, prompt, ids in zip(names, prompts, encoded, strict=True):
                self._chooser.add(name, self.grammar.make_matcher(prompt), len(ids))
            for name, ids in sorted(zip(names, encoded, strict=True), key=lambda pair: pair[1]):
                manager.add_request(ids, name, max_new_tokens=max_new_tokens, eos_token_id=eos)
            outputs = self._collect(manager, names)
        found = []
        for name, prompt in zip(names, prompts, strict=True):
            matcher, logprobs = self._chooser.take(name)
            ids = outputs[name].generated_tokens
            finished = ids[-1] == eos and not matcher.is_error()
            found.append(make_generation(self.model, prompt, ids, logprobs, finished=finished))
        return found

    @contextlib.contextmanager
    def _running(self, tokens: int) -> Iterator[Any]:
        """Have the batching run while any call does: its thread would keep the process alive."""
        with self._lock:
            if self._manager is None or (tokens > self._room and not self._calls):
                self._manager = self._make_manager(tokens)
            if tokens > self._room:
                raise ExtractorError(
                    f"a prompt of {tokens} tokens does not fit beside others of {self._room}"
                )
            if not self._calls:
                self._manager.start()
            self._calls += 1
        try:
            yield self._manager
        finally:
            with self._lock:
                self._calls -= 1
                if not self._calls:
                    self._manager.stop(block=True, keep_for_next_session=True)
                    self._done.clear()

    def _make_manager(self, tokens: int) -> Any:
        network, on_cpu = self._network, self._network.device.type == "cpu"
        self._room = max(2 * tokens, 2048)
        batch = self.batch_tokens or (_CPU_BATCH_TOKENS if on_cpu else None)
        network.destroy_cached_continuous_batching_manager()
        manager = network.init_continuous_batching(
            generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
                do_sample=False, eos_token_id=-1
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=_PAGE,
                # a GPU's memory is there to be filled, that of a machine is not
                num_blocks=4 * self._room // _PAGE if on_cpu else None,
                max_batch_tokens=batch,
                use_async_batching=False,  # a grammar must see a token before the next one
                use_cuda_graph=False,
            ),
        )
        processors = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([self._chooser]))
        processors.tensors_required = 1  # its `prepare_tensor_args` is called for that alone
        manager.logit_processor = processors
        return manager

    def _collect(self, manager: Any, names: Sequence[str]) -> dict[str, Any]:
        """Return the outputs of these requests; those of other calls are kept for them."""
        while not all(name in self._done for name in names):
            output = manager.get_result(timeout=_WAIT_S)
            if output is not None and output.is_finished():
                self._done[output.request_id] = output
            elif output is None and not manager.is_running():
                error = manager.background_thread_status.fatal_error
                raise RuntimeError(f"continuous batching ended: {error}")
        found = {name: self._done.pop(name) for name in names}
        for output in found.values():
            if output.error is not None:
                raise RuntimeError(f"continuous batching failed: {output.error}")
        return found


def _share_weights(network: Any) -> Any:
    """Return the same network over the same tensors, with settings of its own.

    The batching has another attention while it runs: the engine beside it, which runs at the same
    time, would compute with the wrong one.
    """
    tensors = itertools.chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


class _Chooser(ContinuousBatchingLogitsProcessor):
    """Lets through what the grammar of each request allows, and notes the probabilities."""

    def __init__(self, grammar: Grammar) -> None:
        self.supported_kwargs: dict[str, type] = {}
        self.ignored_kwargs: tuple[str, ...] = ()
        self._grammar = grammar
        self._matchers: dict[str, LLMatcher] = {}
        self._prompts: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._logprobs: dict[str, list[float]] = {}
        self._rows: list[str] = []

    def add(self, name: str, matcher: LLMatcher, prompt: int) -> None:
        """Take a request: its grammar, and how many tokens its prompt has."""
        self._matchers[name], self._prompts[name] = matcher, prompt
        self._seen[name], self._logprobs[name] = 0, []

    def take(self, name: str) -> tuple[LLMatcher, list[float]]:
        """Return what became of a request's grammar, and the log-probability of each token."""
        del self._prompts[name], self._seen[name]
        return self._matchers.pop(name), self._logprobs.pop(name)

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        """Set what a request without values of its own has: none has any."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        """Show each grammar the tokens that its request has got since."""
        self._rows = [request.state.request_id for request in requests_with_new_token]
        for request in requests_with_new_token:
            state = request.state
            name = state.request_id
            # a request whose cache was given to others comes back with its tokens in its prompt
            written = [*state.initial_tokens, *state.generated_tokens][self._prompts[name] :]
            for token in written[self._seen[name] :]:
                self._matchers[name].consume_token(token)
            self._seen[name] = len(written)
        return torch.zeros(len(self._rows), dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Return the scores (B, V) with -inf where the grammar of a request forbids."""
        rows = self._rows
        if not rows:  # a long prompt is read in several steps
            return scores
        masked, logprobs = filter_scores(
            self._grammar, [self._matchers[name] for name in rows], scores[: len(rows)]
        )
        for name, logprob in zip(rows, logprobs, strict=True):
            self._logprobs[name].append(logprob)
        return torch.cat([masked, scores[len(rows) :]])
