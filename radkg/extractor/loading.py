"""From a name to an extractor: a shipped model, the rules, a model directory, or a user's factory.

A directory says in its config.json which kind of model it holds; `KINDS` says which class reads
that kind. A new kind is one line there and a file of its own.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from radkg.errors import ExtractorError
from radkg.extractor.base import CountsTokens, Extractor, HasDevice
from radkg.model.generate.spec import AS_IT_IS, AUTO, EngineSpec
from radkg.schema.records import CONDITIONS, DEVICES, Condition, Device

_MODELS = Path(__file__).parents[1] / "model" / "shipped"
SHIPPED = {"small": _MODELS / "small", "onepass": _MODELS / "onepass"}
DEFAULT = "small"
RULES = "rules"

KINDS = {
    "vlm": "radkg.extractor.vlm:load_vlm",
    "onepass": "radkg.extractor.onepass:load_onepass",
    "eye": "radkg.extractor.eye:load_eye_extractor",
}
"""by the kind of a model directory, what makes its extractor from `(directory, condition, device,
engine)`; imported when the first directory of that kind is loaded"""

SCHEMES = {"llm": "radkg.chat.extractor:load_chat"}
"""what stands before the colon of a name, and what makes the extractor from what stands behind it,
the condition, the device and the engine; it may need what lies above extractors, as a factory may
"""


def load_extractor(
    name: str,
    condition: Condition | None = None,
    device: Device = "cpu",
    engine: EngineSpec = AS_IT_IS,
) -> Extractor:
    """Return an extractor.

    Args:
        name: `small` or `onepass` (the models in this package), `rules`, a model directory,
            `llm:` and the directory or name of a chat model, or your own as
            `package.module:factory`.
        condition: what a vision-language model reads; None: what it was made for.
        device: where a model computes. A process without a GPU can ask for the identity of an
            extractor on one. Your own extractor chooses for itself.
        engine: what generates, for an extractor that writes text.

    Raises:
        ExtractorError: there is none of that name; the message says what was tried.
    """
    if condition not in (None, *CONDITIONS):
        raise ExtractorError(f"condition {condition!r} is none of {', '.join(CONDITIONS)}")
    if device not in DEVICES:
        raise ExtractorError(f"device {device!r} is none of {', '.join(DEVICES)}")
    scheme, _, rest = name.partition(":")
    if name == RULES:
        if device != "cpu":
            raise ExtractorError(f"the rules compute on the CPU, not on {device}")
        from radkg.rules import RulesExtractor  # each extractor pays for its own imports only

        extractor: Extractor = RulesExtractor()
    elif name in SHIPPED or Path(name).is_dir():
        directory = SHIPPED.get(name, Path(name))
        extractor = _load_directory(directory, condition, device, engine)
    elif scheme in SCHEMES:
        extractor = find_object(SCHEMES[scheme])(rest, condition, device, engine)
    else:
        extractor = _load_factory(name)
    if condition not in (None, extractor.condition):
        raise ExtractorError(f"{extractor.name} reads {extractor.condition}, not {condition}")
    if engine.name != AUTO and not isinstance(extractor, CountsTokens):
        raise ExtractorError(f"{extractor.name} writes no text: leave --engine out")
    return extractor


def check_device(extractor: Extractor) -> None:
    """Check that this process has what the extractor computes on.

    Raises:
        ExtractorError: the extractor computes on a GPU, and this process sees none.
    """
    if isinstance(extractor, HasDevice) and extractor.device == "cuda":
        import torch  # here, for the rules do without

        if not torch.cuda.is_available():
            raise ExtractorError(
                "--device cuda: this machine shows no GPU: install its driver, or go where one is"
            )


def resolve_name(name: str) -> str:
    """Return the name with the path of a model directory absolute: workers have other directories.

    The names of shipped models, of the rules and of factories stay as they are.
    """
    scheme, _, rest = name.partition(":")
    if scheme in SCHEMES and Path(rest).exists():
        return f"{scheme}:{Path(rest).resolve()}"
    is_directory = name not in (*SHIPPED, RULES) and Path(name).is_dir()
    return str(Path(name).resolve()) if is_directory else name


def find_shipped_name(directory: Path) -> str | None:
    """Return the name of the shipped model in a directory; None where it is another model's."""
    where = directory.resolve()
    return next((name for name, shipped in SHIPPED.items() if shipped.resolve() == where), None)


def _load_directory(
    directory: Path, condition: Condition | None, device: Device, engine: EngineSpec
) -> Extractor:
    from radkg.model.checkpoint import read_config

    kind = read_config(directory)["kind"]
    if kind not in KINDS:
        raise ExtractorError(f"{directory} holds a {kind!r}, which extracts nothing by itself")
    extractor: Extractor = find_object(KINDS[kind])(directory, condition, device, engine)
    return extractor


def _load_factory(name: str) -> Extractor:
    """Return what the factory of a user makes, if it says what it is."""
    if ":" not in name:
        raise ExtractorError(
            f"no extractor {name!r}: give {', '.join([*SHIPPED, RULES])}, a model directory, "
            "llm:DIRECTORY_OR_NAME, or package.module:factory"
        )
    try:
        extractor: Extractor = find_object(name)()
        _ = extractor.name, extractor.model_id, extractor.condition
    except Exception as error:  # somebody else's code: whatever it raises, say so in one line
        raise ExtractorError(
            f"cannot load extractor {name!r}: {type(error).__name__}: {error}"
        ) from error
    return extractor


def find_object(place: str) -> Any:
    """Return the object at `package.module:name`; whatever its import raises goes on."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
