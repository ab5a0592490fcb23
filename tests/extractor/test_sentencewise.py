"""Readings of sentences become extractions; a report in another language is refused."""

import re

import pytest

from radkg.archive import open_archive
from radkg.errors import ExtractorError
from radkg.extractor.sentencewise import SentencewiseReader, check_language, compute_reading_id
from radkg.model.calibration import UNCALIBRATED
from radkg.rules import RulesExtractor
from radkg.schema.language import find_foreign_words
from radkg.schema.linearize import Reading
from radkg.schema.records import Study
from tests.extractor.models import study

FOREIGN = {
    "Spanish": "Silueta cardiaca de tamaño normal. No se observa derrame pleural.",
    "Spanish, short": "Cardiomegalia. Derrame pleural izquierdo.",
    "Spanish without accents": "sin hallazgos patologicos. no hay signos de neumotorax",
    "Spanish, stemmed": "derram pleural derech . condens basal izquierd",
    "French": "Le coeur est de taille normale. Pas d'opacité dans les poumons.",
    "French, short": "Pas d'épanchement pleural à gauche.",
    "German": "Das Herz ist normal groß. Kein Nachweis eines Pneumothorax.",
    "German, short": "Kein Erguss, keine Infiltrate.",
    "Portuguese": "Pulmões expandidos, sem sinais de consolidação.",
    "Russian": "Сердце не увеличено. Легкие без очаговых изменений.",
    "Chinese": "心影不大。双肺清晰。",
}
ENGLISH = [
    "Heart size normal. Lungs clear.",
    "No effusion.",
    "Dr. de la Cruz was told of the opacity in the left base.",
    "Findings of Sjögren syndrome are noted at the lung bases.",
    "En bloc resection. There is a de novo opacity at the apex.",
    "",
]


@pytest.mark.parametrize("language", FOREIGN)
def test_a_report_in_another_language_is_refused_without_its_words(language):
    with pytest.raises(ExtractorError, match=r"not in English \(\d+ of its words") as caught:
        check_language(study(FOREIGN[language]))
    told = set(re.findall(r"[^\W\d_]+", str(caught.value).lower()))
    assert told.isdisjoint(find_foreign_words(study(FOREIGN[language])))


@pytest.mark.parametrize("report", ENGLISH)
def test_a_report_in_english_is_read(report):
    check_language(study(report))


def test_no_report_of_open_i_is_refused():
    archive = open_archive("openi")
    refused, count = [], 0
    for one in archive.read(archive.index().to_pylist()):
        if not isinstance(one, Study):
            continue
        count += 1
        try:
            check_language(one)
        except ExtractorError as error:
            refused.append((one.study_id, str(error)))
    assert count == 3955
    assert refused == []


class Recorder:
    """Reads "effusion" wherever it stands, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, found):
        self.asked += found
        return [self._one(sentence) for sentence in found]

    def _one(self, sentence):
        at = sentence.find("effusion")
        if at < 0:
            return Reading()
        small = sentence.find("small")
        if small < 0:
            return Reading(((at, at + 8, "OBS-DA"),), (), (0.5,), ())
        spans = ((small, small + 5, "OBS-DP"), (at, at + 8, "OBS-DP"))
        return Reading(spans, ((0, 1, "modify"),), (0.75, 0.5), (0.25,))


def test_a_sentence_is_read_once_however_often_it_is_said():
    recorder = Recorder()
    reader = SentencewiseReader(recorder, UNCALIBRATED)
    studies = [study("No effusion. Clear.", study_id=name) for name in ("a", "b")]
    one, two = reader(studies)
    assert one == two
    assert recorder.asked == ["No effusion", "Clear"]
    assert reader([study("No effusion. A small effusion.")])[0][0][:1] == one[0]
    assert recorder.asked[2:] == ["A small effusion"]


def test_the_cache_ends_somewhere_and_nothing_changes():
    recorder = Recorder()
    reader = SentencewiseReader(recorder, UNCALIBRATED, cache_size=1)
    report = study("No effusion. A small effusion. Clear.")
    first = reader([report])
    assert reader([report]) == first
    assert len(recorder.asked) == 5  # one of three was kept


def test_offsets_are_those_of_the_report():
    report = study("No effusion. A small effusion.")
    ((entities, relations),) = SentencewiseReader(Recorder(), UNCALIBRATED)([report])
    assert [report.report[e.start : e.end] for e in entities] == ["effusion", "small", "effusion"]
    assert [e.text for e in entities] == ["effusion", "small", "effusion"]
    assert [e.section for e in entities] == ["findings"] * 3
    assert [e.confidence for e in entities] == [0.5, 0.75, 0.5]
    assert [(r.head, r.tail, r.relation, r.confidence) for r in relations] == [
        (1, 2, "modify", 0.25)
    ]


def test_the_id_of_the_names_is_that_of_the_rules():
    assert compute_reading_id() == RulesExtractor().model_id
