"""How the tests read one invented sentence."""

from datetime import date

from radkg.rules.extractor import read_sentence
from radkg.schema.records import Section, Study


def observations(sentence):
    """Return {(words, label)} of the observations of a sentence."""
    mentions, _ = read_sentence(sentence)
    return {(text, label) for text, label, *_ in mentions if label != "ANAT-DP"}


def spoken(sentence):
    """Return {"head relation tail"} of a sentence in its own words, small letters."""
    mentions, links = read_sentence(sentence)
    return {f"{mentions[h][0]} {relation} {mentions[t][0]}".lower() for h, t, relation in links}


def triplets(sentence):
    """Return {(head concept, relation, tail concept)} of a sentence."""
    mentions, links = read_sentence(sentence)
    return {(mentions[head][2], relation, mentions[tail][2]) for head, tail, relation in links}


def study(report, sections=None, study_id="S1"):
    """Return a study; `sections` is (name, text) pairs, whose texts stand in the report."""
    found = [
        Section(name, report.index(text), report.index(text) + len(text))
        for name, text in sections or []
    ]
    return Study(
        study_id, "P1", "invented", date(2020, 1, 2), report, tuple(found), (), None, "f00d"
    )
