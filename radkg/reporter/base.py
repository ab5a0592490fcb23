"""What a reporter is, as types: it writes a draft of each study from the study's images.

A reporter is to drafts what an extractor is to extractions. It says what it can do beyond that by
having the members of a further protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from radkg.extractor.base import PreparedImages
from radkg.schema.codes import Codes
from radkg.schema.drafts import Claim, Draft
from radkg.schema.records import Study

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing

Plan = tuple[Claim, ...]


class Reporter(Protocol):
    """A callable from studies to drafts."""

    @property
    def name(self) -> str:
        """What it is called in the column `reporter`."""
        ...

    @property
    def model_id(self) -> str:
        """Changes with anything that can change the output."""
        ...

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image is prepared; None where it looks at none."""
        ...

    def __call__(
        self, studies: Sequence[Study], /, images: PreparedImages | None = None
    ) -> list[Draft]:
        """Return one draft per study, in order; raise where a study cannot be seen.

        Args:
            studies: what to see; their reports are not read.
            images: those that are prepared already; the reporter prepares every other one.
        """
        ...


@runtime_checkable
class WritesPlans(Reporter, Protocol):
    """A reporter that writes what a plan says, from whomever the plan is: a person, the coders."""

    def write_plans(self, studies: Sequence[Study], plans: Sequence[Plan], /) -> list[Draft]:
        """Return one draft per study, in order, of its plan."""
        ...


@runtime_checkable
class PlansCodes(WritesPlans, Protocol):
    """A reporter that makes a plan of codes that are given: of the human coders, as an oracle."""

    def plan_codes(self, codes: Codes, /) -> Plan:
        """Return the plan of codes."""
        ...
