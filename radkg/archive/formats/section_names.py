"""What headings of reports mean, MIMIC's and anybody's: from a heading to the name of a section.

Both ways of finding headings use these names: mimic_sections.py and headings.py.
"""

from __future__ import annotations

import re

from radkg.schema.records import Section

READ_FIRST = ("findings", "impression")  # sections beside which no other one is read

# Of the 58 names in MIMIC's table those whose description lists them; what is missing are mostly
# misspellings, of which many still contain a word below. A name that nothing fits stays as it is.
_NAMES = {
    "comparisons": "comparison",
    "comparsion": "comparison",
    "clinical history": "history",
    "clinical information": "history",
    "patient history": "history",
    "pfi": "history",
    "clinical indication": "indication",
    "reason for exam": "indication",
    "reason for examination": "indication",
    "ndication": "indication",  # MIMIC's table says impression, which would make facts of questions
    "exam": "examination",
    "type of examination": "examination",
    "conclusion": "impression",
    "findings and impression": "impression",
    "findings/impression": "impression",
    "impresson": "impression",
    "impressoin": "impression",
    "findins": "findings",
    "chest, two views": "findings",
    "recommendation": "recommendations",
    "recommendation(s)": "recommendations",
    "wetread": "wet read",
}
_CONTAINED = ("impression", "findings", "history", "comparison", "addendum")
_VIEWS = re.compile(r"chest|portable|pa and lateral|ribs")  # findings headed by what was taken


def name_section(heading: str) -> str:
    """Return the name of a section by its heading, in small letters."""
    name = " ".join(heading.lower().split())
    if name in _NAMES:
        return _NAMES[name]
    contained = next((word for word in _CONTAINED if word in name), None)
    return contained or ("findings" if _VIEWS.search(name) else name)


def strip_section(report: str, section: Section) -> Section:
    """Return a section without the blanks around its text."""
    text = report[section.start : section.end]
    start = section.start + len(text) - len(text.lstrip())
    return Section(section.name, start, start + len(text.strip()))
