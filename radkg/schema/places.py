"""The heading of a line that names where one looks: "LUNGS: Clear", "Lines and tubes: None".

What the line says begins behind the heading, as annotators of reports read such lines.
"""

from __future__ import annotations

import re

_PLACE = (
    r"(?:(?:upper|bony|soft|osseous|chest|visuali[sz]ed|imaged|support|thoracic|lower|pulmonary) )*"
    r"(?:lungs?|pleura|pleural (?:spaces?|cavit(?:y|ies))|heart|cardiac|cardiovascular"
    r"|(?:cardio-?)?mediastin(?:um|al)|hil(?:a|i|um|ar)|aorta|vasculature|vessels|trachea|airways?"
    r"|bones?|skeleton|ribs|spine|thorax|wall|musculoskeletal|msk|tissues?|(?:hemi)?diaphragms?"
    r"|abdomen|lines?|tubes?|devices?|hardware|catheters?|parenchyma|fields|zones|silhouette"
    r"|shadow|contours?|angles|costophrenic|structures|others?|miscellaneous|thymus|neck|pelvis)"
)
_PLACES = rf"{_PLACE}(?:(?: ?(?:,|/|&|\band\b) ?(?:and )?| ){_PLACE}){{0,3}}"
_HEADING = re.compile(
    rf"[ ]*(?:\*\*|__|#{{1,3}} )?(?=[A-Z])(?i:{_PLACES})"
    r"[*_]{0,3}[ ]{0,3}:[*_]{0,3}(?=\s)[ ]*\n?"
)


def find_place_heading(flat: str, start: int, end: int) -> int:
    """Return where the text behind the heading of a line begins; `start` without a heading.

    Args:
        flat: a text as `flatten` gives it.
        start: where the line begins.
        end: where the text to look at ends.
    """
    heading = _HEADING.match(flat, start, end)
    return heading.end() if heading else start
