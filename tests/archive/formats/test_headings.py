import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.archive.formats.headings import find_headed_sections


def parts(report):
    return [(s.name, report[s.start : s.end]) for s in find_headed_sections(report)]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("Clear lungs. ", [("full report", "Clear lungs.")]),
        ("Findings: Clear.\nImpression : Normal.", ["Clear.", "Normal."]),
        ("FINDINGS\nClear.\n\nIMPRESSION\nNormal.", ["Clear.", "Normal."]),
        ("FINDINGS: Clear. IMPRESSION: Normal.", ["Clear.", "Normal."]),
        ("  FINDING: Clear.\n  CONCLUSION: Normal.", ["Clear.", "Normal."]),
        ("Findings are: none.", [("full report", "Findings are: none.")]),
        ("The finding: clear.", [("full report", "The finding: clear.")]),
        (
            "PA view.\nHISTORY: Cough?\nFINDINGS:\nIMPRESSION: Normal.",
            # without findings, what stands before the headings is read
            [("findings", "PA view."), ("history", "Cough?"), ("impression", "Normal.")],
        ),
        (
            "INDICATION: Cough?\n\nThe lungs are clear.\n\nNo effusion.",
            [("indication", "Cough?"), ("findings", "The lungs are clear.\n\nNo effusion.")],
        ),
        # a heading that nobody knows belongs to its text, and a place stays within the findings
        ("RIGHT HILUM: Large.\nOther: x", [("full report", "RIGHT HILUM: Large.\nOther: x")]),
        ("HISTORY: Cough\nLUNGS: Clear.", [("history", "Cough"), ("findings", "LUNGS: Clear.")]),
        ("FINDINGS:\nLUNGS: Clear.\nBONES: Intact.", ["LUNGS: Clear.\nBONES: Intact."]),
        (
            "IMPRESSION: One.\nADDENDUM: Two.\nIMPRESSION: Three.",
            [("impression", "One."), ("addendum", "Two."), ("impression", "Three.")],
        ),
    ],
)
def test_ordinary_headings(report, expected):
    names = ("findings", "impression")
    pairs = [e if isinstance(e, tuple) else (names[i], e) for i, e in enumerate(expected)]
    assert parts(report) == pairs


words = st.sampled_from(
    ["FINDINGS:", "Impression:", "IMPRESSION", "INDICATION:", "\n", "\n\n", " ", "Clear.", "é", ":"]
)


@given(st.lists(words).map("".join))
def test_sections_are_in_order_apart_and_without_blanks_around(report):
    end = 0
    for section in find_headed_sections(report):
        assert end <= section.start < section.end <= len(report)
        text = report[section.start : section.end]
        assert text == text.strip()
        end = section.end


def test_a_hostile_text_takes_no_time():
    for text in ("\n" * 50_000, " " * 50_000, "A " * 50_000, ". " * 50_000, "FINDINGS" * 9_000):
        find_headed_sections(text + "x")
