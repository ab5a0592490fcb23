"""Patients over time, and what image, report and a second extractor say of them; with answers."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.support.graph.facts import study

GAMMA = [
    # p1: mild, then severe, then denied; p2: appears; p3: becomes uncertain.
    study(1, 1, "2020-01-01", "+effusion", "small > effusion", archive="gamma"),
    study(2, 1, "2020-02-01", "+effusion", "large > effusion", archive="gamma"),
    study(3, 1, "2020-03-01", "-effusion", archive="gamma"),
    study(4, 2, "2020-01-05", "+opacity", archive="gamma"),
    study(5, 2, "2020-06-01", "+effusion", archive="gamma"),
    study(6, 3, "2020-01-01", "+effusion", archive="gamma"),
    study(7, 3, "2020-04-01", "?effusion", archive="gamma"),
    # The image shows it; the report denies it, states it, leaves it out, or is alone with it.
    *(
        study(number, number, None, *facts, archive="gamma", condition="image+report")
        for number, facts in (
            (8, ("-effusion", "+effusion in image")),
            (9, ("+effusion", "+effusion in image")),
            (10, ("+opacity", "+effusion in image")),
            (11, ("+effusion",)),
        )
    ),
]
# Agrees on s1; doubts s2; leaves out what is denied in s3.
GAMMA_ONEPASS = [
    study(1, 1, "2020-01-01", "+effusion", archive="gamma", extractor="onepass"),
    study(2, 1, "2020-02-01", "?effusion", archive="gamma", extractor="onepass"),
    study(3, 1, "2020-03-01", "+opacity", archive="gamma", extractor="onepass"),
    study(4, 2, "2020-01-05", "+opacity", archive="gamma", extractor="onepass"),
]

COURSES: list[tuple[str, dict[str, str], list[list[Any]]]] = [
    ("extractor_agreement", {}, [["onepass", "rules", 1, 3, 1 / 3]]),
    ("extractor_agreement", {"finding": "opacity"}, [["onepass", "rules", 1, 2, 0.5]]),
    (
        "extractor_conflicts",
        {},
        [
            ["gamma", "s2", "onepass", "uncertain", "rules", "present"],
            ["gamma", "s3", "onepass", "not mentioned", "rules", "absent"],
        ],
    ),
    (
        "follow_up",
        {},
        [["present", 1, 3, 1 / 3], ["uncertain", 1, 3, 1 / 3], ["absent", 1, 3, 1 / 3]],
    ),
    ("follow_up", {"finding": "opacity"}, [["not mentioned", 1, 1, 1.0]]),
    ("incidence", {}, [[1, 1, 1.0]]),
    ("incidence", {"finding": "opacity"}, [[1, 2, 0.5]]),
    (
        "resolved_in_patients",
        {},
        [[date(2020, 3, 1), "gamma", "p1", 2, date(2020, 2, 1)]],
    ),
    (
        "source_agreement",
        {},
        [["both", 1, 4, 0.25], ["report only", 1, 4, 0.25], ["image only", 2, 4, 0.5]],
    ),
    (
        "source_conflicts",
        {},
        [
            ["gamma", "s10", "not mentioned", 1.0, "rules"],
            ["gamma", "s8", "absent", 1.0, "rules"],
        ],
    ),
    (
        "worse_in_patients",
        {},
        [[date(2020, 2, 1), "gamma", "p1", "severe", date(2020, 1, 1), "mild"]],
    ),
]
