"""Generation through vLLM's asynchronous engine on GPUs: its own batches over all calls that run.

The grammar goes to its guidance backend, an image prefix goes in as embeddings. Written for vLLM
>= 0.12 from its documentation (`AsyncLLM.generate(prompt, sampling_params, request_id)`). It has
not been run on the machine that radkg is tested on, which has no GPU: only that a missing vLLM is
said clearly is tested.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Generation, TextModel, make_generation
from radkg.model.generate.grammar import make_codes_grammar, make_copy_grammar
from radkg.model.generate.spec import EngineSpec
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel

_MEMORY_SHARE = 0.9  # of a GPU, vLLM's own default


class VllmEngine:
    """Greedy decoding; vLLM keeps its own copy of the language model, and starts when first used.

    `EngineSpec.gpus` of 2 and more spreads the model over them (tensor parallel).
    """

    def __init__(self, model: TextModel, vocabulary: Sequence[str], spec: EngineSpec) -> None:
        try:
            import vllm
        except ImportError as error:
            raise ExtractorError("the engine vllm is not installed: pip install vllm") from error
        self.model = model
        self._spec = spec
        self._codes = make_codes_grammar(vocabulary)
        self._vllm: Any = vllm
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Any = None

    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine)."""
        unique = list(dict.fromkeys(prompts))
        inputs = [self._input(prompt, prefixes) for prompt in unique]
        sampling = [self._sampling(prompt, max_new_tokens) for prompt in unique]
        outputs = asyncio.run_coroutine_threadsafe(
            self._ask_all(inputs, sampling), self._start()
        ).result()
        done = {}
        for prompt, output in zip(unique, outputs, strict=True):
            best = output.outputs[0]
            ids = list(best.token_ids)
            logprobs = [at[i].logprob for at, i in zip(best.logprobs, ids, strict=True)]
            finished = best.finish_reason == "stop"
            done[prompt] = make_generation(self.model, prompt, ids, logprobs, finished=finished)
        return [done[prompt] for prompt in prompts]

    def _start(self) -> asyncio.AbstractEventLoop:
        """Return the loop that the engine runs in, in a thread that ends with the process."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True).start()
            return self._loop

    async def _ask_all(self, inputs: Sequence[Any], sampling: Sequence[Any]) -> list[Any]:
        if self._engine is None:  # no other call is here before this one has it: nothing is awaited
            self._engine = self._make_engine()
        asked = (self._ask(*pair) for pair in zip(inputs, sampling, strict=True))
        return list(await asyncio.gather(*asked))

    async def _ask(self, prompt: Any, sampling: Any) -> Any:
        last = None
        async for output in self._engine.generate(
            prompt=prompt, sampling_params=sampling, request_id=f"radkg-{next(self._numbers)}"
        ):
            last = output
        return last

    def _make_engine(self) -> Any:
        from vllm.v1.engine.async_llm import AsyncLLM

        gpus = self._spec.gpus
        settings: dict[str, Any] = {
            "tensor_parallel_size": max(1, int(gpus)),
            "gpu_memory_utilization": _MEMORY_SHARE * min(1.0, gpus),
            "structured_outputs_config": {"backend": "guidance"},
            "logprobs_mode": "raw_logprobs",  # among all tokens, before the grammar
            "disable_log_stats": True,
        }
        if self._spec.batch_tokens is not None:
            settings["max_num_batched_tokens"] = self._spec.batch_tokens
        if not isinstance(self.model, VisionLanguageModel):
            return self._load(AsyncLLM, str(self.model.directory), settings)
        settings["enable_prompt_embeds"] = True
        with tempfile.TemporaryDirectory() as directory:
            _write(self.model, Path(directory))
            return self._load(AsyncLLM, directory, settings)

    def _load(self, kind: Any, directory: str, settings: dict[str, Any]) -> Any:
        return kind.from_engine_args(self._vllm.AsyncEngineArgs(model=directory, **settings))

    @torch.inference_mode()
    def _input(self, prompt: Prompt, prefixes: Tensor | None) -> dict[str, Any]:
        ids = self.model.language.encode_prompt(prompt)
        if prompt.image is None:
            return {"prompt_token_ids": ids}
        if prefixes is None or not isinstance(self.model, VisionLanguageModel):
            raise ValueError("a prompt has an image, but there are no prefixes")
        embedded = self.model.embed(torch.tensor(ids, device=self.model.model.device))  # (T, D)
        prefix = prefixes[prompt.image].to(embedded)
        return {"prompt_embeds": torch.cat([prefix, embedded]).cpu()}

    def _sampling(self, prompt: Prompt, max_new_tokens: int) -> Any:
        grammar = self._codes
        if prompt.target == "copy":
            grammar = make_copy_grammar(prompt.sentence, prompt.may_end_line)
        return self._vllm.SamplingParams(
            temperature=0.0,
            max_tokens=max_new_tokens,
            stop_token_ids=[self.model.language.eos_id],
            logprobs=0,  # of the chosen token alone
            detokenize=False,
            structured_outputs=self._vllm.sampling_params.StructuredOutputsParams(grammar=grammar),
        )


def _write(model: VisionLanguageModel, directory: Path) -> None:
    """Write the language model as the Hugging Face directory that vLLM reads."""
    model.model.save_pretrained(directory)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=model.language.tokenizer, eos_token=model.config.language.eos
    ).save_pretrained(directory)
