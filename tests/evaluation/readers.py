"""Readers of codes for tests: one that knows the answers, and ones that fail."""

from collections.abc import Mapping, Sequence

from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings
from radkg.schema.codes import Codes
from radkg.schema.records import Condition, Study


class Oracle:
    """Says what the coders filed, with names as the codes spell them."""

    name = "oracle"
    model_id = "oracle-1"

    def __init__(self, golds: Mapping[str, Gold], condition: Condition = "report") -> None:
        self.golds = golds
        self.condition = condition
        self.asked: list[str] = []

    def choose_condition(self, condition: Condition) -> "Oracle":
        return type(self)(self.golds, condition)

    def read_codes(self, studies: Sequence[Study]) -> list[Codes]:
        return [self.code(study) for study in studies]

    def code(self, study: Study) -> Codes:
        gold = self.golds[study.study_id]
        self.asked.append(study.study_id)
        return Codes(
            tuple((name, 0.9) for name in sorted(list_gold_findings(gold))),
            tuple((triplet, 0.9) for triplet in sorted(gold.triplets)),
        )


class Failing(Oracle):
    """Fails on every normal study."""

    def code(self, study: Study) -> Codes:
        if self.golds[study.study_id].normal:
            raise OSError("image is truncated")
        return super().code(study)


class Broken(Oracle):
    """Fails on every study."""

    def code(self, study: Study) -> Codes:
        raise OSError("no weights")


class Alarmed(Oracle):
    """Files an effusion for everything, at a site that the report does not name."""

    def code(self, study: Study) -> Codes:
        return Codes((("effusion", 0.8),), ((("effusion", "located_at", "spine"), 0.8),))
