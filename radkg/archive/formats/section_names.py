"""What headings of reports mean, MIMIC's and anybody's: from a heading to the name of a section.

Both ways of finding headings use these names: mimic_sections.py and headings.py. A heading that is
spelt wrongly has the name of the known word that is nearest to it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from radkg.schema.records import Section

READ_FIRST = ("findings", "impression")  # sections beside which few others are read

# Headings by the name of their section; of 58 names in MIMIC's table those whose description lists
# them, and those of other hospitals.
_HEADINGS = {
    "findings": "finding, findings, findings/impression of chest, report, result, results, fnd, fdg"
    ", fdgs, fndgs, report text, radiology report, x-ray report, xray report, description"
    ", observations, body",
    "impression": "impression, impressions, conclusion, conclusions, opinion, summary, comment"
    ", comments, diagnosis, assessment, interpretation, findings and impression, imp, impr, concl"
    ", conc, findings/impression, impression/findings, impression and findings, remark, remarks, dx"
    ", conclusion/impression, impression and recommendation, impression and recommendations"
    ", impression/recommendation, radiological diagnosis, bottom line",
    "history": "history, clinical history, clinical information, clinical data, clinical details"
    ", patient history, pfi, clinical, clin hx, hx, clinical notes, clinical background"
    ", clinical summary, clinical context, past medical history, clinical hx, clinical info"
    ", patient information, presenting complaint, clinical presentation, clinical features",
    "indication": "indication, indications, clinical indication, reason for exam, reason, ndication"
    ", reason for examination, reason for study, reason for request, ind, clinical question"
    ", question, reason for this examination, indication for examination, request, referral reason"
    ", clinical concern, provisional diagnosis, symptoms",
    "comparison": "comparison, comparisons, comp, prior, priors, compared with, compared to"
    ", prior studies, previous studies, prior study, reference exam, previous examinations"
    ", comparison studies, comparison study, comparison exam",
    "technique": "technique, techniques, tech, projection, projections, views, number of views"
    ", protocol",
    "examination": "examination, examinations, exam, type of examination, study, procedure"
    ", examination performed, exam type, exam date, procedures, modality, study type, test"
    ", radiographic examination of the chest",
    "recommendations": "recommendation, recommendations, recommendation(s), rec, recs, advice"
    ", follow-up recommendation, suggestion, suggestions, plan",
    "addendum": "addendum, addenda, final addendum, correction, corrections, amendment"
    ", correction to the above report",
    "wet read": "wet read, wetread, prelim, preliminary, preliminary read, prelim read"
    ", prelim result, preliminary report, preliminary result, preliminary findings",
    "formalities": "notification, notifications, critical result, critical results, signature"
    ", end of impression, communication, procedure comments, dictated by, signed by, transcribed by"
    ", electronically signed by, reported by, verified by"
    ", report status, accession number, name, patient, patient name, dob, date of birth, mrn, sex"
    ", age, date, exam time, referring physician, ordering physician, cc, dictated, approved by",
    "report": "final report, final, original report, official report, teleradiology final report",
    "narrative": "narrative",
}
_NAMES = {
    " ".join(heading.split()): name
    for name, headings in _HEADINGS.items()
    for heading in headings.split(", ")
} | {"chest, two views": "findings"}
# Words that name a section wherever they stand in a heading; the first that is found decides.
_CONTAINED = (
    *(("impression", "impression"), ("conclusion", "impression"), ("opinion", "impression")),
    *(("addendum", "addendum"), ("wet read", "wet read"), ("findings", "findings")),
    *(("history", "history"), ("indication", "indication"), ("reason for", "indication")),
    *(("comparison", "comparison"), ("technique", "technique"), ("examination", "examination")),
    *(("recommendation", "recommendations"), ("clinical", "history")),
)
_VIEWS = re.compile(r"chest|cxr|portable|pa and lateral|ribs")  # findings headed by what was taken
_VIEW = re.compile(
    r"(?:(?:xr|x-?ray|cxr|radiographs?|portable|ap|pa|chest|frontal|lateral|views?|and|two|one|\d"
    r"|single|upright|supine|semi|erect|of|the|film|mobile|cr|dx)\b[ ,./&()-]*)+"
)
_VERSION = re.compile(r"(?: version)? #?\d+$")  # "WET READ VERSION #1"
_NO_HEADING = re.compile(
    r"\b(?:negatives?|positives?|absent|present|limited|correlation|the|these|this|is|are|was|were|in|no|not|with|without|but|or|which|that|there|has|have)\b"
)
_WORDS_OF_HEADING = 8
_SPELT = (  # what a wrong spelling may stand for
    *("findings", "impression", "conclusion", "opinion", "indication", "comparison", "technique"),
    *("examination", "history", "recommendation", "recommendations", "addendum", "procedure"),
)
_NO_TEXT = frozenset(("nan", "none", "null", "n/a", "na", "nil.", "<na>", "nat", "none."))


@lru_cache(10_000)
def find_name(heading: str) -> str | None:
    """Return the name of the section that a heading begins; None for any other words."""
    name = _normalise(heading)
    if name in _NAMES:
        return _NAMES[name]
    if _NO_HEADING.search(name) or len(name.split()) > _WORDS_OF_HEADING:
        return None
    first, _, rest = name.partition(" ")
    spelt = _correct(name) or (_correct(first) if rest.startswith("(") else None)
    if spelt:
        return _NAMES[spelt]
    if heading[:1].isupper():
        found = next((name_ for word, name_ in _CONTAINED if word in name), None)
        if found:
            return found
        if heading.isupper() and _VIEWS.search(name):
            return "findings"
        if _VIEW.fullmatch(name) and _VIEWS.search(name):
            return "findings"
    return None


def is_name(heading: str) -> bool:
    """Tell whether these words are a heading as it is written, of no view and without a slip."""
    return not heading.endswith(".") and _normalise(heading) in _NAMES


def name_section(heading: str) -> str:
    """Return the name of a section by its heading, for an unknown one in small letters."""
    return find_name(heading) or " ".join(heading.lower().split())


def strip_section(report: str, section: Section) -> Section:
    """Return a section without the blanks around its text."""
    text = report[section.start : section.end]
    start = section.start + len(text) - len(text.lstrip())
    return Section(section.name, start, start + len(text.strip()))


def has_text(report: str, section: Section) -> bool:
    """Tell whether a section says anything: no blanks alone, and no `nan` of a table."""
    return is_text(report[section.start : section.end])


def is_text(cell: str) -> bool:
    """Tell whether a cell says anything: no blanks alone, and no `nan` of another program."""
    text = cell.strip()
    return bool(text) and text.lower() not in _NO_TEXT


def _normalise(heading: str) -> str:
    return _VERSION.sub("", " ".join(heading.lower().strip(" *_#[]<>.=-").split()))


def _correct(name: str) -> str | None:
    """Return the known word that a name is a wrong spelling of: one slip, two in long words."""
    if not name.isalpha() or len(name) < 6:
        return None
    slips = 1 if len(name) < 9 else 2
    near = [(d, known) for known in _SPELT if (d := _distance(name, known, slips)) <= slips]
    return min(near)[1] if near else None


def _distance(a: str, b: str, most: int) -> int:
    """Return the letters to add, drop, change or swap; more than `most` once it is more."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        last, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
