import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.archive.formats.mimic_sections import find_mimic_sections
from radkg.schema.records import Section, Study
from radkg.schema.sentences import select_sections
from tests.support.archives.mimic import make_report


def texts(text, exception=None):
    return {s.name: text[s.start : s.end] for s in find_mimic_sections(text, exception)}


def test_a_plain_report():
    text = make_report(1).decode()
    found = texts(text)
    assert list(found) == ["preamble", "examination", "indication", "findings", "impression"]
    assert found["preamble"] == "FINAL REPORT"
    assert found["examination"] == "CHEST (PA AND LAT)"
    assert found["impression"].startswith("Study 1: ")


@pytest.mark.parametrize(
    "line",
    [
        "FINDINGS: Clear.",
        " Findings: Clear.",
        " FINDINGS:Clear.",
        "\tFINDINGS: x",
    ],
)
def test_what_is_no_heading(line):
    assert list(texts(f" A line.\n{line}\n")) == ["full report"]


def test_a_heading_in_the_first_line_follows_no_newline_and_is_none():
    assert list(texts(" FINDINGS: Clear.\n IMPRESSION: Normal.\n")) == ["preamble", "impression"]


def test_a_second_heading_in_a_heading_s_line_is_text():
    text = "\n COMPARISON: \n FINDINGS: Clear.\n IMPRESSION:\n WET READ: Normal.\n NOTE: x"
    assert texts(text) == {
        "preamble": "",
        "comparison": "",
        "findings": "Clear.",
        "impression": "WET READ: Normal.",  # the newline belongs to its heading: the same line
        "note": "x",
    }


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("COMPARISONS", "comparison"),
        ("CLINICAL HISTORY", "history"),
        ("REASON FOR EXAMINATION", "indication"),
        ("CLINICAL INFORMATION", "history"),
        ("PFI", "history"),
        ("EXAM", "examination"),
        ("CONCLUSION", "impression"),
        ("FINDINGS AND IMPRESSION", "impression"),
        ("FINDINGS/IMPRESSION", "impression"),
        ("CHEST, TWO VIEWS", "findings"),
        ("RECOMMENDATION(S)", "recommendations"),
        ("WETREAD", "wet read"),
        ("IMPRESSON", "impression"),
        ("FINDINS", "findings"),
        ("COMPARSION", "comparison"),
        ("NDICATION", "indication"),
        ("PRELIMINARY IMPRESSION", "impression"),
        ("OTHER FINDINGS", "findings"),
        ("PAST MEDICAL HISTORY", "history"),
        ("COMPARISON EXAM", "comparison"),
        ("SECOND ADDENDUM", "addendum"),
        ("PORTABLE SUPINE", "findings"),
        ("PA AND LATERAL", "findings"),
        ("LEFT RIBS", "findings"),
        (" FINDINGS ", "findings"),
        ("DATE", "formalities"),
    ],
)
def test_names(heading, name):
    assert texts(f"\n {heading}: some words\n")[name] == "some words"


def test_a_place_within_the_findings_is_no_section_of_its_own():
    text = (
        "\n INDICATION: Cough.\n FINDINGS:\n LUNGS: Clear.\n HEART: Big.\n IMPRESSION: As above.\n"
    )
    assert texts(text) == {
        "preamble": "",
        "indication": "Cough.",
        "findings": "LUNGS: Clear.\n HEART: Big.",
        "impression": "As above.",
    }


def test_the_last_section_of_a_name_wins():
    text = "\n FINDINGS: Old.\n IMPRESSION: None.\n FINDINGS: New.\n"
    assert texts(text) == {"preamble": "", "impression": "None.", "findings": "New."}


def test_empty_findings_and_impression_count_as_none():
    text = "\n IMPRESSION: Normal.\n COMPARISON: \n \n IMPRESSION: \n \n FINDINGS: \n \n"
    assert texts(text) == {"preamble": "", "impression": "Normal.", "comparison": ""}


def test_the_last_paragraph_stands_in_for_findings():
    text = "\n INDICATION: Cough.\n COMPARISON: None.\n \n The heart\n is big.\n \n No effusion.\n"
    assert texts(text) == {
        "preamble": "",
        "indication": "Cough.",
        "comparison": "None.",
        "last_paragraph": "The heart\n is big.\n \n No effusion.",
    }
    assert texts(" FINAL REPORT\n \n Clear.\n") == {
        "full report": "FINAL REPORT",
        "last_paragraph": "Clear.",
    }
    assert texts("\n COMPARISON: None.\n \n \n") == {"preamble": "", "comparison": "None."}
    assert "last_paragraph" not in texts("\n FINDINGS: Clear.\n \n Thank you.\n")


def test_a_text_chosen_by_hand_is_the_only_section_and_is_read():
    text = "\n WET READ: Clear.\n TECHNIQUE: Big heart.\n FINDINGS: ___\n"
    assert texts(text, "technique") == {"findings": "Big heart."}
    assert texts(text, (11, 18)) == {"findings": "Clear."}
    nothing = find_mimic_sections(text, (0, 0))
    assert nothing == (Section("findings", 0, 0),)
    study = Study("1", "1", "mimic-cxr", None, text, nothing, (), None, "")
    assert select_sections(study) == [Section("findings", 0, 0)]


@pytest.mark.parametrize("exception", ["history", (0, 99), (5, 2)])
def test_an_exception_that_does_not_fit_is_an_error(exception):
    with pytest.raises(ValueError, match="its exception"):
        find_mimic_sections("\n FINDINGS: Clear.\n", exception)


PIECES = st.sampled_from(
    [
        "\n",
        "\n ",
        " ",
        "FINDINGS:",
        "IMPRESSION: ",
        "CHEST:",
        "A(B), C:",
        ":",
        "\n \n",
        "word",
        "\u00e9\r",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join)))
def test_offsets_are_exact(text):
    found = find_mimic_sections(text)
    assert found
    assert len({s.name for s in found}) == len(found)
    position = 0
    for section in found:
        assert position <= section.start <= section.end <= len(text)
        content = text[section.start : section.end]
        assert content == content.strip()
        assert content or section.name not in ("findings", "impression", "last_paragraph")
        position = section.end


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["FINDINGS", "IMPRESSION", "INDICATION", "NOTE"]),
            st.text("abc. ", min_size=1).map(str.strip).filter(bool),
        ),
        min_size=1,
    )
)
def test_what_was_written_is_found(parts):
    text = "\n" + "".join(f" {heading}: {content}\n" for heading, content in parts)
    expected = {heading.lower(): content for heading, content in parts}
    found = texts(text)
    assert found.pop("preamble") == ""
    assert found == expected
