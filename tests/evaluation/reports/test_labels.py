import csv
from collections import Counter

from radkg.archive import open_archive
from radkg.evaluation.reports.labels import list_labels, name_labels
from radkg.gold.codes import parse_gold
from tests.support.archives.data import require_data


def test_findings_are_named_by_the_labels():
    assert len(list_labels()) == 14
    assert name_labels({"effusion", "infiltrate", "tortuous"}) == {"Effusion", "Infiltration"}
    assert name_labels(frozenset()) == frozenset()


def test_the_labels_are_those_of_negbio():
    """All of 3,851 reports, but for Hernia, which NegBio's table leaves empty."""
    path = require_data("lexicons/negbio/openi_gld_std14.csv")
    archive = open_archive("openi")
    codes = archive.read_codes(archive.index().to_pylist())
    with path.open() as file:
        known = {row.pop("filename"): row for row in csv.DictReader(file)}
    differing: Counter[str] = Counter()
    for study_id, row in known.items():
        gold = parse_gold(codes[study_id])
        theirs = {label for label, value in row.items() if value == "1"} - {"normal"}
        differing.update(theirs ^ name_labels(gold.observations))
        assert gold.normal == (row["normal"] == "1")
    assert len(known) == 3851
    assert differing == {"Hernia": 46}
    assert set(list_labels()) == set(next(iter(known.values()))) - {"normal"}
