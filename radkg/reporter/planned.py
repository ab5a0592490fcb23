"""The reporter that plans: what the eye sees becomes a plan, and the plan a text that is read back.

Another plan is written the same way: a person's, or one made of the coders' codes (the oracle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from radkg.errors import SchemaError
from radkg.extractor import SHIPPED, PreparedImages, load_extractor
from radkg.extractor.eye import EyeReader, Sight, make_codes
from radkg.extractor.seen import describe_blindness
from radkg.model.checkpoint import (
    compute_model_id,
    load_weights,
    parse_config,
    read_config,
    read_tokenizer,
)
from radkg.model.report.plan_writer import PlanWriter
from radkg.model.vision.eye import EyeConfig
from radkg.model.vision.preprocessing import Preprocessing
from radkg.reporter.bank import BANK, load_bank
from radkg.reporter.base import Plan
from radkg.reporter.claims import check_plan
from radkg.reporter.generated import GeneratedWriter
from radkg.reporter.planning import PlannerConfig, Where, choose_template, make_plan
from radkg.reporter.reading import READERS, ClaimReader
from radkg.reporter.retrieval import RetrievalWriter, propose
from radkg.reporter.rows import make_draft
from radkg.reporter.writing import Proposed, Writer, repair
from radkg.schema.codes import Codes
from radkg.schema.drafts import Draft
from radkg.schema.records import Device, Study

SHIPPED_PLANNER = Path(__file__).parents[1] / "model" / "shipped" / "planner"


def load_shipped(device: Device = "cpu") -> PlannedReporter:
    """Return the planner of this package."""
    return load_planned(SHIPPED_PLANNER, device)


def load_planned(directory: Path, device: Device = "cpu") -> PlannedReporter:
    """Return the reporter of a planner's directory.

    Raises:
        ExtractorError: the directory is damaged, or the archive lacks its sentences.
    """
    return PlannedReporter(directory, device)


class PlannedReporter:
    """Callable from studies to drafts that say what the eye plans, and nothing else."""

    name = "plan"

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self._directory = directory
        self.device: Device = device
        self.config = parse_config(PlannerConfig, read_config(directory), directory)
        eye = directory / self.config.eye if self.config.eye else SHIPPED["small"] / "vision"
        self._eye = EyeReader(eye, device)
        self._bank = load_bank(directory / BANK, self.config.archive)
        self._writers: list[Writer] = [RetrievalWriter(self._bank)]
        if self.config.writer:
            writer = PlanWriter(self.config.writer, read_tokenizer(directory))
            load_weights(writer, directory)
            self._writers.append(GeneratedWriter(writer.eval(), self._bank))
        self._reader = ClaimReader([load_extractor(name) for name in READERS])
        on = () if device == "cpu" else (device,)
        parts = (compute_model_id(eye), *self._reader.ids, _hash_files(directory / BANK), *on)
        self.model_id = compute_model_id(directory, *parts)

    def __reduce__(self) -> tuple[type[PlannedReporter], tuple[Any, ...]]:
        return (PlannedReporter, (self._directory, self.device))

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image becomes the eye's input."""
        return self._eye.preprocessing

    def __call__(
        self, studies: Sequence[Study], /, images: PreparedImages | None = None
    ) -> list[Draft]:
        """Return one draft per study, in order.

        Raises:
            ArchiveError: an image cannot be read.
        """
        drafts = []
        for study, seen in zip(studies, self._eye.look(studies, images), strict=True):
            if seen is None:
                drafts.append(make_draft(self, study, "empty", describe_blindness(study)))
                continue
            codes = self._eye.select(make_codes(seen.confidences, self._eye.config))
            where = locate_findings(study, seen, self._eye.config)
            drafts.append(self._write(study, make_plan(codes, self.config, where)))
        return drafts

    def write_plans(self, studies: Sequence[Study], plans: Sequence[Plan], /) -> list[Draft]:
        """Return one draft per study, in order, of its plan.

        Raises:
            SchemaError: a plan contradicts itself.
        """
        return [self._write(s, plan) for s, plan in zip(studies, plans, strict=True)]

    def plan_codes(self, codes: Codes) -> Plan:
        """Return the plan of codes that are given: those of the human coders, as an oracle."""
        return make_plan(codes, self.config)

    def _write(self, study: Study, plan: Plan) -> Draft:
        check_plan(plan)
        if not plan:
            raise SchemaError("the plan is empty: it states and denies nothing")
        written = repair(self._propose(plan), plan, self._reader, self._writers)
        if not written.text:
            return make_draft(self, study, "empty", written.reason, plan=plan)
        return make_draft(
            self,
            study,
            "unverified" if written.reason else "verified",
            written.reason,
            text=written.text,
            plan=plan,
            sentences=written.sentences,
            dropped=written.dropped,
        )

    def _propose(self, plan: Plan) -> list[Proposed]:
        """Return the sentences of the template that says most of the plan's usual claims."""
        usual = self.config.usual
        planned = frozenset(i for i, one in enumerate(usual) if one.claim in plan)
        template = choose_template(planned, self.config.templates)
        return [propose(self._bank.by_id[i]) for i in template.sentences if i in self._bank.by_id]


def _hash_files(bank: Path) -> str:
    """Return the hash of a bank, and of the code that plans and writes."""
    digest = blake2b(digest_size=16)
    for path in (bank, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def locate_findings(study: Study, seen: Sight, config: EyeConfig) -> Mapping[str, Where]:
    """Return for each finding of the eye the image that shows it most, and the cell there."""
    ids = {image.location: image.image_id for image in study.images}
    side = config.side // 32  # cells of the tower's grid
    found = {}
    for finding, image, cell in zip(config.findings, seen.images[1:], seen.cells[1:], strict=False):
        row, column = divmod(cell, side)
        box = (column / side, row / side, (column + 1) / side, (row + 1) / side)
        found[finding] = (ids[image], box)
    return found
