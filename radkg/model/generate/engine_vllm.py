"""Generation through vLLM on a GPU: grammar by its guidance backend, image prefix as embeddings.

Written for vLLM >= 0.12 from its documentation. It has not been run on the machine that radkg is
tested on, which has no GPU: only that a missing vLLM is said clearly is tested.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Generation, make_generation
from radkg.model.generate.grammar import make_codes_grammar, make_copy_grammar
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel


class VllmEngine:
    """Greedy decoding; vLLM makes its own batches and keeps its own copy of the language model."""

    def __init__(self, model: VisionLanguageModel, vocabulary: Sequence[str]) -> None:
        try:
            import vllm
        except ImportError as error:
            raise ExtractorError("the engine vllm is not installed: pip install vllm") from error
        self.model = model.eval()
        self._codes = make_codes_grammar(vocabulary)
        self._vllm: Any = vllm
        with tempfile.TemporaryDirectory() as directory:
            _write(model, Path(directory))
            self._llm = vllm.LLM(
                model=directory,
                enable_prompt_embeds=True,
                structured_outputs_config={"backend": "guidance"},
                logprobs_mode="raw_logprobs",  # among all tokens, before the grammar
            )

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine)."""
        unique = list(dict.fromkeys(prompts))
        outputs = self._llm.generate(
            [self._input(prompt, prefixes) for prompt in unique],
            [self._sampling(prompt, max_new_tokens) for prompt in unique],
            use_tqdm=False,
        )
        done = {}
        for prompt, output in zip(unique, outputs, strict=True):
            best = output.outputs[0]
            ids = list(best.token_ids)
            logprobs = [at[i].logprob for at, i in zip(best.logprobs, ids, strict=True)]
            finished = best.finish_reason == "stop"
            done[prompt] = make_generation(self.model, prompt, ids, logprobs, finished=finished)
        return [done[prompt] for prompt in prompts]

    def _input(self, prompt: Prompt, prefixes: Tensor | None) -> dict[str, Any]:
        ids = self.model.language.encode_prompt(prompt)
        if prompt.image is None:
            return {"prompt_token_ids": ids}
        if prefixes is None:
            raise ValueError("a prompt has an image, but there are no prefixes")
        embedded = self.model.embed(torch.tensor(ids, device=self.model.model.device))  # (T, D)
        prefix = prefixes[prompt.image].to(embedded)
        return {"prompt_embeds": torch.cat([prefix, embedded]).cpu()}

    def _sampling(self, prompt: Prompt, max_new_tokens: int) -> Any:
        grammar = make_copy_grammar(prompt.sentence) if prompt.target == "copy" else self._codes
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
