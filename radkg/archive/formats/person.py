"""Age and sex of a patient, as archives write them.

Ages above 89 are one group, as HIPAA's Safe Harbor (45 CFR 164.514(b)(2)(i)(C)) requires: radkg
never distinguishes them, nor does anything that it publishes.
"""

from __future__ import annotations

import re
from datetime import date

from radkg.schema.records import OLDEST, Sex

_YEARS = re.compile(r"(\d{1,3})(?:\.\d*)?", re.ASCII)
_DICOM_AGE = re.compile(r"(\d{3})([YMWD])", re.ASCII)
_IN_A_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}
_SEXES: dict[str, Sex] = {"f": "female", "m": "male", "o": "other"}


def parse_age(text: str) -> int | None:
    """Return full years, OLDEST for all above 89; None where the text is no age.

    Args:
        text: a number of years (`54`, `54.0`), or an age as DICOM writes it (`054Y`, `006M`).
    """
    if match := _DICOM_AGE.fullmatch(text):
        years = int(match[1]) // _IN_A_YEAR[match[2]]
    elif match := _YEARS.fullmatch(text):
        years = int(match[1])
    else:
        return None
    return min(years, OLDEST)


def compute_age(day: date | None, birth_year: str) -> int | None:
    """Return the age in the year of a study: before the birthday it is one year too high.

    None where the date or the year of birth (`1950`, `1950.0`) is unknown, or they contradict.
    """
    match = re.fullmatch(r"([12]\d{3})(?:\.0*)?", birth_year, re.ASCII)
    if day is None or match is None or day.year < int(match[1]):
        return None
    return min(day.year - int(match[1]), OLDEST)


def parse_sex(text: str) -> Sex | None:
    """Return the sex for a word or a code of DICOM (M, F, O) in any case; None for any other."""
    word = text.strip().lower()
    return next((sex for code, sex in _SEXES.items() if word in (code, sex)), None)
