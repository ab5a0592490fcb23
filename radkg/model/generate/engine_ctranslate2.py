"""Text prompts on the CPU through CTranslate2 (int8): decode freely, check, repair the few.

Every output is checked; one that does not parse, ground or end is kept as far as the grammar allows
it, and the torch engine goes on from there: greedy, it would have written the same so far. Prompts
with an image go there at once: CTranslate2 takes tokens only.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Draft, Generation, TransformersEngine, make_generation
from radkg.model.generate.grammar import is_valid
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.private import make_directory

# Free outputs that are longer than this for their sentence are nearly always loops: the grammar,
# which bounds them, takes over.
_PER_TOKEN, _LEAST = 3, 32


class CTranslate2Engine:
    """Greedy decoding of text prompts; `repaired` counts the outputs that needed the grammar."""

    def __init__(
        self,
        strict: TransformersEngine,
        vocabulary: Sequence[str],
        *,
        compute_type: str = "int8",
        batch_size: int = 64,
    ) -> None:
        self.strict = strict
        self.model = strict.model
        self.compute_type = compute_type
        self.batch_size = batch_size
        self.repaired = 0
        self._vocabulary = frozenset(vocabulary)
        self._generator: Any = None  # converted and loaded when the first text prompt comes

    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine)."""
        unique = list(dict.fromkeys(prompts))
        done, drafts = self._free([p for p in unique if p.image is None], max_new_tokens)
        rest = [prompt for prompt in unique if prompt not in done]
        self.repaired += len(drafts)
        if rest:
            strict = self.strict.generate(
                rest, prefixes, max_new_tokens=max_new_tokens, drafts=drafts
            )
            done.update(zip(rest, strict, strict=True))
        return [done[prompt] for prompt in prompts]

    def _free(
        self, prompts: Sequence[Prompt], max_new_tokens: int
    ) -> tuple[dict[Prompt, Generation], dict[Prompt, Draft]]:
        """Return what is finished and valid without a grammar, and the beginning of all else."""
        if not prompts:
            return {}, {}
        if self._generator is None:
            self._generator = _load(self.model, self.compute_type)
        language = self.model.language
        encoded = [[str(i) for i in language.encode_prompt(prompt)] for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
        steps: list[list[tuple[int, float]]] = [[] for _ in prompts]
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]

            def keep(step: Any, rows: list[int] = rows) -> bool:
                steps[rows[step.batch_id]].append((step.token_id, step.log_prob))
                return False

            self._generator.generate_batch(
                [encoded[i] for i in rows],
                include_prompt_in_result=False,
                end_token=[language.eos_id],
                return_end_token=True,
                max_length=min(max_new_tokens, _PER_TOKEN * len(encoded[rows[-1]]) + _LEAST),
                return_scores=True,
                callback=keep,  # the one way to the probability of each token
            )
        done: dict[Prompt, Generation] = {}
        drafts: dict[Prompt, Draft] = {}
        for prompt, pairs in zip(prompts, steps, strict=True):
            ids = [token for token, _ in pairs]
            logprobs = [logprob for _, logprob in pairs]
            finished = bool(ids) and ids[-1] == language.eos_id
            if finished and is_valid(language.decode(ids), prompt, self._vocabulary):
                done[prompt] = make_generation(self.model, prompt, ids, logprobs, finished=True)
            else:
                drafts[prompt] = Draft(ids, logprobs)
        return done, drafts


def _load(model: VisionLanguageModel, compute_type: str) -> Any:
    """Return the generator, converted now or by an earlier process."""
    try:
        import ctranslate2
    except ImportError as error:
        raise ExtractorError(
            "the engine ctranslate2 is not installed: pip install ctranslate2"
        ) from error
    cache = _find_cache() / "radkg/ctranslate2"
    target = cache / f"{_hash(model)}-{compute_type}-{ctranslate2.__version__}"
    try:
        if not target.is_dir():
            make_directory(cache)
            _convert(model, compute_type, target)
    except OSError as error:
        raise ExtractorError(
            f"cannot keep the converted model in {cache}: {error}: set XDG_CACHE_HOME to a "
            "directory with room"
        ) from error
    return ctranslate2.Generator(
        str(target),
        device="cpu",
        compute_type=compute_type,
        inter_threads=1,
        intra_threads=torch.get_num_threads(),
    )


def _find_cache() -> Path:
    """Return where programs of this user keep what they can make again."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError as error:  # a container whose user has no home
        raise ExtractorError(
            "this user has no home to keep the converted model in: set XDG_CACHE_HOME to a"
            " directory with room"
        ) from error


def _convert(model: VisionLanguageModel, compute_type: str, target: Path) -> None:
    """Write the language model in CTranslate2's format; whoever comes first wins."""
    from ctranslate2.converters.transformers import Qwen2Loader

    copied: nn.Module = copy.deepcopy(model.model)  # the loader takes it apart
    with torch.no_grad():
        spec = Qwen2Loader().get_model_spec(copied.to("cpu", torch.float32))
    # tokens go in and out as ids: their spelling is the tokenizer's business
    spec.register_vocabulary([str(i) for i in range(model.config.language.vocab_size)])
    eos = str(model.language.eos_id)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = eos
    spec.config.layer_norm_epsilon = model.config.language.norm_eps
    spec.validate()
    spec.optimize(quantization=compute_type)
    partial = tempfile.mkdtemp(dir=target.parent)
    try:
        spec.save(partial)
        os.rename(partial, target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _hash(model: VisionLanguageModel) -> str:
    """Return a hash of everything that the conversion reads, 32 hex digits."""
    digest = blake2b(repr((model.config.language, model.language.eos_id)).encode(), digest_size=16)
    for name, tensor in model.model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()
