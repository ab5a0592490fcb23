"""Read codes with a variant: prompts from the report, prefixes from stored features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from radkg.experiments.examples import PromptUnit, list_texts
from radkg.experiments.study_sets import Images
from radkg.extractor.coded import ask_codes
from radkg.model.generate.engines import load_engine
from radkg.model.generate.spec import EngineSpec
from radkg.model.language import Prompt
from radkg.model.vlmkg.batches import stack_views
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.codes import Codes
from radkg.schema.records import Condition, Study

_MAX_NEW_TOKENS = 128  # the longest codes of a training study have 90
_IMAGES = 64  # studies whose views are projected at once


class VariantReader:
    """Predicts what the coders would file; a CodesReader (radkg.extractor).

    Args:
        model: the variant.
        condition: the parts of a study that the variant reads.
        features: features (C,) by image id.
        images: ids of the images shown for each study: its own, or on purpose another study's.
        names: the closed vocabulary.
        unit: the part of a report that one prompt shows.
    """

    name = "variant"
    model_id = "experiment"

    def __init__(
        self,
        model: VisionLanguageModel,
        condition: Condition,
        features: Mapping[str, Tensor],
        images: Images,
        names: Sequence[str],
        unit: PromptUnit = "sentence",
    ) -> None:
        self.condition = condition
        self._model = model.eval()
        self._features = features
        self._images = images
        self._unit = unit
        self._engine = load_engine(EngineSpec("transformers"), model, names)

    def read_codes(self, studies: Sequence[Study], /) -> list[Codes]:
        """Return the codes of each study, in order."""
        sees = self.condition != "report"
        prompts = [
            [
                Prompt("codes", text, i if sees else None)
                for text in list_texts(study, self.condition, self._unit)
            ]
            for i, study in enumerate(studies)
        ]
        prefixes = self._prefixes(studies) if sees else None
        return ask_codes(
            prompts,
            lambda p: self._engine.generate(p, prefixes, max_new_tokens=_MAX_NEW_TOKENS),
        )

    @torch.inference_mode()
    def _prefixes(self, studies: Sequence[Study]) -> Tensor:
        """Return the prefixes (studies, P, D) of the images shown for each study."""
        found = []
        for start in range(0, len(studies), _IMAGES):
            ids = [self._images[s.study_id] for s in studies[start : start + _IMAGES]]
            views = stack_views(ids, self._features)
            found.append(self._model.make_prefix(views["features"], views["is_view"]))
        return torch.cat(found)
