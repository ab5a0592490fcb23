"""The order of the questions on the page: by what matters to who is responsible for the studies.

What the reports say of the population comes first, how it was read after that, and single studies
last. A heading speaks the parameters of its query; an empty answer has a few words of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Literal

from radkg.schema.answer import Answer

Form = Literal["most", "first", "last", "groups", "spread"]
"""what stands beside a closed question: the largest rows, the first ones, the last ones, those with
the largest denominators, or the least row and the largest"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """How the page asks one named query."""

    name: str
    heading: str
    """with the names of parameters in braces"""
    empty: str = "none"
    """what an answer without rows means"""
    form: Form = "most"
    measure: str = ""
    """the column to draw and to rank by, where it is not the first rate"""
    is_open: bool = False
    """whether its chart is shown before anything is clicked"""

    @property
    def spoken_parameters(self) -> list[str]:
        """Return the names of the parameters in the heading."""
        return [name for _, name, _, _ in Formatter().parse(self.heading) if name]

    def say_heading(self, parameters: Mapping[str, object]) -> str:
        """Return the heading with these values, as plain text."""
        return self.heading.format_map(parameters)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions under one heading; `identity` is the anchor of the heading."""

    identity: str
    title: str
    questions: tuple[Spoken, ...]


ORDER = (
    Group(
        "findings",
        "What is found",
        (
            Spoken("top_findings", "What is found most often?", is_open=True),
            Spoken("certainty_mix", "How certain are the reports?", is_open=True),
            Spoken("prevalence", "How often is {finding} present?", form="first"),
            Spoken("devices", "Which devices and traces of surgery are seen?"),
            Spoken("site_findings", "What is found at this site: {site}?"),
        ),
    ),
    Group(
        "together",
        "What occurs together",
        (
            Spoken("co_occurrence", "What occurs with {finding}?", is_open=True),
            Spoken(
                "lift",
                "What occurs with {finding} far more often than by chance?",
                measure="lift",
                is_open=True,
            ),
            Spoken("suggests", "What does {finding} suggest?"),
            Spoken("suggested_by", "What suggests {finding}?"),
        ),
    ),
    Group(
        "where",
        "Where, and how severe",
        (
            Spoken("severity", "How severe is {finding}?"),
            Spoken("laterality", "On which side is {finding}?"),
            Spoken("finding_sites", "Where is {finding}?"),
            Spoken("modifiers", "Which words describe {finding}?"),
        ),
    ),
    Group(
        "patients",
        "In whom",
        (
            Spoken("prevalence_by_age", "How does {finding} differ with age?", form="spread"),
            Spoken(
                "prevalence_by_sex", "How does {finding} differ between the sexes?", form="groups"
            ),
            Spoken(
                "prevalence_by_visit",
                "Is {finding} more frequent at the first visit?",
                form="groups",
            ),
            Spoken("prevalence_by_view", "How does {finding} differ between views?", form="groups"),
            Spoken(
                "prevalence_by_archive",
                "How does {finding} differ between archives?",
                form="groups",
            ),
        ),
    ),
    Group(
        "time",
        "Over time",
        (
            Spoken(
                "trend_by_month",
                "How does {finding} change from month to month?",
                "no study has a date",
                "last",
            ),
            Spoken(
                "trend_by_year",
                "How does {finding} change from year to year?",
                "no study has a date",
                "last",
            ),
            Spoken(
                "follow_up",
                "What does the next study say of {finding}?",
                "no such patient has a later study",
            ),
            Spoken(
                "incidence",
                "In how many patients does {finding} appear later?",
                "no patient has a later study",
            ),
            Spoken("new_in_patients", "In which patients is {finding} new?"),
            Spoken("worse_in_patients", "In which patients is {finding} worse?"),
            Spoken("resolved_in_patients", "In which patients is {finding} gone?"),
        ),
    ),
    Group(
        "cohorts",
        "Cohorts",
        (
            Spoken("cohort_size", "How many with {finding} are without {without}?"),
            Spoken("cohort_studies", "Which studies with {finding} are without {without}?"),
            Spoken("studies_with_finding", "Which studies show {finding}, newest first?"),
        ),
    ),
    Group(
        "reading",
        "How it was read",
        (
            Spoken("extraction_status", "How many studies were read?", form="first"),
            Spoken("failed_studies", "Which studies failed, and why?"),
            Spoken("failure_reasons", "Why did studies fail?"),
            Spoken("contradictions", "What is both stated and denied in one study?", form="first"),
            Spoken("contradicting_studies", "Which studies both state and deny {finding}?"),
            Spoken("low_confidence", "Where is the reading of {finding} unsure?"),
            Spoken(
                "source_agreement",
                "Do image and report agree on {finding}?",
                "no image shows it",
            ),
            Spoken("source_conflicts", "Where does only the image show {finding}?"),
            Spoken(
                "extractor_agreement",
                "How often do two readers agree on {finding}?",
                "no two readers to compare",
            ),
            Spoken("extractor_conflicts", "Where do two readers differ on {finding}?"),
            Spoken("finding_sections", "In which sections do reports mention {finding}?"),
            Spoken("extraction_sizes", "How many terms does a report hold?"),
            Spoken("readers", "Which model read the studies?"),
            Spoken("archives", "What do the archives hold?", form="first", measure="studies"),
        ),
    ),
    Group(
        "beyond",
        "Beyond the reports",
        (
            Spoken("draft_agreement", "Do drafts and reports agree?", "no checked drafts"),
            Spoken(
                "draft_beyond_report",
                "What do drafts claim beyond the report?",
                "no checked drafts",
            ),
            Spoken(
                "known_and_observed",
                "Which relations of {finding} are published knowledge?",
                "no table of knowledge has one",
                measure="known",
            ),
            Spoken(
                "known_of",
                "What does published knowledge say of {concept}?",
                "no table of knowledge has it",
            ),
            Spoken(
                "known_unobserved",
                "What is known of {concept} that no study states?",
                "no table of knowledge has more",
            ),
        ),
    ),
    Group(
        "single",
        "One patient, one study",
        (
            Spoken("patient_timeline", "What was found in patient {subject_id}, in time?"),
            Spoken("study_mentions", "What was found in study {study_id}?"),
            Spoken("study_triplets", "Which relations were found in study {study_id}?"),
        ),
    ),
)


def group_answers(answers: list[Answer]) -> list[tuple[Group, list[tuple[Spoken, Answer]]]]:
    """Return the answers by group, in order; groups without an answer are left out.

    An answer of no named query comes last and keeps its question as it is.
    """
    by_name = {answer.name: answer for answer in answers}
    groups = []
    for group in ORDER:
        asked = [(each, by_name.pop(each.name)) for each in group.questions if each.name in by_name]
        if asked:
            groups.append((group, asked))
    others = [(Spoken(a.name, _quote(a.question)), a) for a in answers if a.name in by_name]
    if others:
        groups.append((Group("others", "Further questions", ()), others))
    return groups


def _quote(text: str) -> str:
    """Return text whose braces are braces in a heading."""
    return text.replace("{", "{{").replace("}", "}}")
