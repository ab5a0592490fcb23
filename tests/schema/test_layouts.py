"""Reports in the layouts of many systems: what is read of them, sentence by sentence."""

import pytest

from radkg.archive.formats.headings import find_headed_sections
from radkg.schema.records import Study
from radkg.schema.sentences import describe_skipped, list_study_sentences

LINE_ENDS = {
    "LF": "\n",
    "CRLF": "\r\n",
    "CR": "\r",
    "CR CR LF": "\r\r\n",
    "NEL": "\x85",
    "line separator": "\u2028",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "escaped LF": "\\n",
    "escaped CRLF": "\\r\\n",
    "tilde": "~",
    "HL7": "\\.br\\",
    "HL7 hex": "\\X0D0A\\",
    "br": "<br>",
    "BR": "<BR/>",
    "p": "</p><p>",
    "par": "\\par ",
    "entity": "&#13;&#10;",
    "_x000D_": "_x000D_\n",
    "blank behind": " \n",
}
ITEMS = {
    "": "",
    "-": "- ",
    "no blank": "-",
    "*": "* ",
    "bullet": "\u2022 ",
    "dash": "\u2013 ",
    "x": "x ",
    ">": "> ",
    "+": "+ ",
}
NUMBERS = {"1.": "{}. ", "1.N": "{}.", "1)": "{}) ", "(1)": "({}) ", "1)N": "{})"}


def make_study(report):
    return Study("s", "p", "a", None, report, find_headed_sections(report), (), None, "v")


def read(report):
    """Return the sentences that are read, blanks as one and without the sign of an item."""
    found = [report[start:end] for _, start, end in list_study_sentences(make_study(report))]
    return [" ".join(sentence.split()) for sentence in found]


def strip_item(sentence):
    return sentence.lstrip("-*\u2022\u2013>+()0123456789. ").removeprefix("x ").rstrip(";,")


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_lines_without_stops_are_sentences_whatever_ends_them(end):
    lines = ["FINDINGS:", "No pneumothorax", "Small left effusion", "Heart size normal"]
    assert read(end.join(lines)) == lines[1:]


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_an_answer_stays_in_its_line(end):
    lines = ["FINDINGS:", "Pneumothorax: No", "Effusion: Yes", "Consolidation: None"]
    assert read(end.join(lines)) == lines[1:]


@pytest.mark.parametrize("end", [e for e in LINE_ENDS.values() if e.isspace()])
def test_a_wrapped_line_goes_on(end):
    lines = ["FINDINGS:", "There is a small left", "pleural effusion. No focal", "consolidation."]
    assert read(end.join(lines)) == [
        "There is a small left pleural effusion",
        "No focal consolidation",
    ]


@pytest.mark.parametrize("end", ["\\n", "\\.br\\", "<br>", "\\par ", "&#10;"])
def test_words_of_a_wrapped_line_are_told_apart_whatever_ends_it(end):
    report = f"FINDINGS: There is a small left{end}pleural effusion."
    ((_, start, stop),) = list_study_sentences(make_study(report))
    assert report[start:stop] == f"There is a small left{end}pleural effusion"


@pytest.mark.parametrize("mark", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"], ids=["LF", "CRLF", "blank"])
def test_an_item_is_a_sentence(mark, end):
    said = ["No pneumothorax", "Small left effusion", "no fracture"]
    sentences = read("IMPRESSION:" + end + end.join(mark + item for item in said))
    assert [strip_item(sentence) for sentence in sentences] == said


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("between", ["\n", "\r\n", " "], ids=["LF", "CRLF", "one line"])
def test_a_numbered_item_is_a_sentence(number, between):
    said = ["No pneumothorax", "Small left effusion", "Heart normal"]
    items = [number.format(n) + item for n, item in enumerate(said, 1)]
    sentences = read("IMPRESSION: " + between.join(items))
    assert [strip_item(sentence) for sentence in sentences] == said


@pytest.mark.parametrize(
    ("report", "sentences"),
    [
        # new items, where a negation would reach the next one
        ("No pneumothorax\nSmall left effusion", ["No pneumothorax", "Small left effusion"]),
        ("no pneumothorax\nsmall left effusion", ["no pneumothorax", "small left effusion"]),
        ("NO PNEUMOTHORAX\nSMALL EFFUSION", ["NO PNEUMOTHORAX", "SMALL EFFUSION"]),
        ("No pneumothorax\nsmall effusion", ["No pneumothorax", "small effusion"]),
        ("No pneumothorax\n\xa0\nSmall effusion", ["No pneumothorax", "Small effusion"]),
        # a stop behind a shortened word
        ("Small bilat. effusions. No PTX", ["Small bilat. effusions", "No PTX"]),
        ("Mild pulm. edema, rt. base", ["Mild pulm. edema, rt. base"]),
        ("Effusions bilat. No edema", ["Effusions bilat", "No edema"]),
        ("effusions bilat. no edema", ["effusions bilat", "no edema"]),
        ("Pneumothorax no\nEffusion yes", ["Pneumothorax no", "Effusion yes"]),
        ("Pneumothorax\tNo\nEffusion\tYes", ["Pneumothorax No", "Effusion Yes"]),
        ("Pneumothorax - none\nEffusion - small", ["Pneumothorax - none", "Effusion - small"]),
        ("Pneumothorax = No\nEffusion = Yes", ["Pneumothorax = No", "Effusion = Yes"]),
        ("Pneumothorax [no]\nEffusion [yes]", ["Pneumothorax [no]", "Effusion [yes]"]),
        ("[ ] Pneumothorax\n[x] Effusion", ["[ ] Pneumothorax", "[x] Effusion"]),
        ("|Edema|No|\n|Effusion|Yes|", ["|Edema|No|", "|Effusion|Yes|"]),
        ("Edema,No\nEffusion,Yes", ["Edema,No", "Effusion,Yes"]),
        ("Edema: No, Effusion: Yes", ["Edema: No,", "Effusion: Yes"]),
        ("Edema: No Effusion: Yes", ["Edema: No", "Effusion: Yes"]),
        ("No edema; small effusion", ["No edema;", "small effusion"]),
        ("- No edema - Small effusion", ["- No edema", "- Small effusion"]),
        ("\u2022 No edema \u2022 Small effusion", ["\u2022 No edema", "\u2022 Small effusion"]),
        ("(a) No edema (b) Effusion", ["(a) No edema", "Effusion"]),
        ("I. No edema\nII. Effusion", ["I. No edema", "II. Effusion"]),
        ("A/ No edema\nB/ Effusion", ["A/ No edema", "B/ Effusion"]),
        ("Pneumothorax? No\nEffusion? Yes", ["Pneumothorax? No", "Effusion? Yes"]),
        ("Edema.......No\nEffusion.......Yes", ["Edema.......No", "Effusion.......Yes"]),
        ("Edema:\nNo\nEffusion:\nSmall left", ["Edema: No", "Effusion: Small left"]),
        ("Edema: [ ] Yes [x] No\nClear", ["Edema: [ ] Yes [x] No", "Clear"]),
        ("no focal\nconsolidation\nheart big", ["no focal consolidation", "heart big"]),
        ("Negative findings: edema\nEffusion", ["Negative findings: edema", "Effusion"]),
        ("No edema &amp; no effusion", ["No edema &amp; no effusion"]),
        ("Clear\n-------\nNo effusion", ["Clear", "No effusion"]),
        # one sentence in several lines
        ("There is no\npneumothorax.", ["There is no pneumothorax"]),
        ("1. No\npneumothorax\n2. Effusion", ["1. No pneumothorax", "2. Effusion"]),
        ("No edema\nor effusion", ["No edema or effusion"]),
        ("No edema,\nno effusion", ["No edema, no effusion"]),
        ("NO EDEMA\nOR EFFUSION", ["NO EDEMA OR EFFUSION"]),
        ("Opacity of\n\nthe left base", ["Opacity of the left base"]),
        ("A nodule of\n8 mm. Clear.", ["A nodule of 8 mm", "Clear"]),
        # stops that end no sentence
        ("Seen by Dr. Who vs. others.", ["Seen by Dr. Who vs. others"]),
        ("Film of 5 A.M., supine. Clear.", ["Film of 5 A.M., supine", "Clear"]),
        ("Opacity, ?pneumonia. Clear?", ["Opacity, ?pneumonia", "Clear?"]),
        ("Rim of 9. Vessels normal.", ["Rim of 9", "Vessels normal"]),
        ("Fracture of ribs 5 and 6. Clear.", ["Fracture of ribs 5 and 6", "Clear"]),
        # a place before what is said of it
        ("LUNGS: Clear.\nPLEURA: No fluid.", ["Clear", "No fluid"]),
        ("LUNGS: Clear\nLINES/TUBES: None", ["Clear", "None"]),
        ("Lungs: Clear. Heart: Big.", ["Clear", "Big"]),
        ("Bones and soft tissues:\nNo fracture", ["No fracture"]),
        ("**Lungs:** Clear\n**Heart:** Big", ["Clear", "Big"]),
        ("- Lungs: Clear\n- Heart: Big", ["- Lungs: Clear", "- Heart: Big"]),
    ],
)
def test_what_is_a_sentence(report, sentences):
    assert read(report) == sentences
    assert read("FINDINGS:\n" + report) == sentences
    assert read("INDICATION: cough\n\nFINDINGS:\n\n" + report + "\n") == sentences


WRAPPED = [
    "FINDINGS: Mild interstitial edema has improved since yesterday. There is no",
    "pneumothorax. A right PICC ends in the mid SVC. The left lower lobe is",
    "collapsed, as it was before, and the",
    "IJ line is unchanged.",
    "No fracture is seen",
    "Small left effusion is new",
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_wrapped_lines_and_items_in_one_text(end):
    assert read(end.join(WRAPPED)) == [
        "Mild interstitial edema has improved since yesterday",
        "There is no pneumothorax",
        "A right PICC ends in the mid SVC",
        "The left lower lobe is collapsed, as it was before, and the IJ line is unchanged",
        "No fracture is seen",
        "Small left effusion is new",
    ]


DRESSES = [
    *("FINDINGS: ", "Findings: ", "findings: ", "FINDINGS:\n", "Findings\n", "FINDINGS\n"),
    *("**Findings:** ", "## Findings\n", "__FINDINGS__\n", "[FINDINGS]\n", "=== FINDINGS ===\n"),
    *("FINDINGS - ", "FINDINGS \u2013 ", "FINDINGS -\n", "FINDINGS\uff1a", "FINDINGS; "),
    *("<b>Findings:</b> ", "<b>Findings</b>: ", "2. FINDINGS: ", "FINDINGS   ", "FINDINGS\t"),
    *("FINDNGS: ", "FINDIGNS: ", "FINDINGS, CHEST: ", "CHEST FINDINGS: ", "Report: ", "Result:\n"),
    *("XR Chest:\n", "CHEST, PA AND LATERAL: ", "FND: ", "\ufeffFindings: ", "REPORT\n\n"),
    *("IMPRESION: ", "Opinion: ", "Summary: ", "Conclusion: ", "Comment: ", "IMPRESSION "),
    *("FINAL REPORT\n", "Diagnosis: ", "Overall impression: ", "IMPRESSION:- ", "IMP: "),
]


@pytest.mark.parametrize("heading", DRESSES)
def test_a_heading_in_any_dress_ends_the_indication_and_is_no_finding(heading):
    report = f"**Indication:** fever, ?pneumonia\n\n{heading}Small effusion is seen."
    assert [strip_item(sentence) for sentence in read(report)] == ["Small effusion is seen"]


@pytest.mark.parametrize(
    ("report", "sentences"),
    [
        # headings within a line
        ("Indication: cough. Findings: Clear. Impression: Normal.", ["Clear", "Normal"]),
        ("INDICATION: fever cough FINDINGS: Clear IMPRESSION: Normal", ["Clear", "Normal"]),
        ("FINDINGS:Clear.IMPRESSION:Normal.", ["Clear", "Normal"]),
        ("FINDINGS: Clear. COMPARISON: none. Effusion.", ["Clear", "Effusion"]),
        ("Indication: Cough Findings: Clear. Impression: Normal", ["Clear", "Normal"]),
        ("Reason: cough. Findings- clear", ["clear"]),
        ("Findings :- \n1) Clear\nImpression :- normal", ["1) Clear", "normal"]),
        ("Findings\n--------\nClear\n\nImpression\n----------\nNormal", ["Clear", "Normal"]),
        # a wrapped line that looks like a heading
        (
            "FINDINGS: A small left effusion has not changed since the prior\nexamination\nClear.",
            ["A small left effusion has not changed since the prior examination", "Clear"],
        ),
        # the last word counts
        ("IMPRESSION: Normal\n*** Addendum 1/1/2020 10:30 ***\nEffusion", ["Normal", "Effusion"]),
        ("PRELIM: Effusion.\nFINAL: Normal.", ["Effusion", "Normal"]),
        ("WET READ VERSION #1  ___ 3:12 AM\nEffusion.", ["___ 3:12 AM", "Effusion"]),
        ("IMPRESSION: Normal.\nADDENDUM: Effusion.", ["Normal", "Effusion"]),
        ("IMPRESSION: Normal. ADDENDUM: Effusion.", ["Normal", "Effusion"]),
        ("IMPRESSION: Normal.\n***ADDENDUM***\nEffusion.", ["Normal", "Effusion"]),
        ("Impression: Normal.\nAddendum (1/2/2020): Effusion.", ["Normal", "Effusion"]),
        ("IMPRESSION: Normal.\nADDENDUM BY DR. X ON 1/1/2020: Effusion.", ["Normal", "Effusion"]),
        ("WET READ: Effusion.\nFINAL REPORT\nIMPRESSION: Normal.", ["Effusion", "Normal"]),
        # what is left, where nothing else is headed
        ("EXAM: XR CHEST\nClear lungs.", ["Clear lungs"]),
        ("EXAM: XR CHEST\n\nClear lungs.\n\nNo effusion.", ["Clear lungs", "No effusion"]),
        ("TECHNIQUE: PA view. Clear lungs.", ["Clear lungs"]),
        ("TECHNIQUE: PA and lateral\nviews. Clear lungs.", ["Clear lungs"]),
        ("HISTORY: cough\nClear lungs.", ["Clear lungs"]),
        ("Clinical details: 78F, ?LVF\n\nClear lungs.", ["Clear lungs"]),
        ("INDICATION: cough\nEFFUSION: YES\nEDEMA: NO", ["EFFUSION: YES", "EDEMA: NO"]),
        ("INDICATION: cough\nLUNGS: Clear\nHEART: Big", ["Clear", "Big"]),
        ("HISTORY: cough\n\nClear lungs.\n\nIMPRESSION: Normal.", ["Clear lungs", "Normal"]),
        ("Clear lungs.\nComparison: 1/1/2020", ["Clear lungs"]),
        ("Name: A B\nDOB: 1/1/1950\nClear lungs.\nIMPRESSION: Normal.", ["Clear lungs", "Normal"]),
        # what is never read
        ("INDICATION: pneumonia", []),
        ("HISTORY: 65 year old with pneumonia.\nEvaluate for effusion.", []),
        ("INDICATION: cough and\nfever, r/o pneumonia", []),
        ("INDICATION: cough\n// pneumonia", []),
        ("Reason for exam: pneumonia?\nIMPRESSION: Normal.", ["Normal"]),
        ("IMPRESSION: Normal.\nRECOMMENDATION: CT to exclude mass.", ["Normal"]),
        ("78 year old man with pneumonia\nIMPRESSION: Normal.", ["Normal"]),
        ("FINDINGS: nan\nIMPRESSION: Normal.", ["Normal"]),
    ],
)
def test_what_is_read(report, sentences):
    assert read(report) == sentences
    assert read(report.replace("\n", "\r\n")) == sentences


def test_a_report_of_which_most_is_skipped_says_so():
    history = "HISTORY: a long tale of coughs and of colds\n"
    assert describe_skipped(make_study(history + "FINDINGS: Clear.")) == (
        "more than half of the report is not read: history"
    )
    assert describe_skipped(make_study(history)) is not None
    assert describe_skipped(make_study("HISTORY: cough\nFINDINGS: Clear lungs, no fluid.")) is None
    assert describe_skipped(make_study("")) is None
