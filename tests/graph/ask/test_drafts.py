"""A draft is research output: no question about findings meets it."""

import itertools
import re

from radkg.graph import Graph
from radkg.graph.ask.queries import list_queries, run_query
from radkg.run.snapshot import Snapshot
from tests.support.graph.contents import read_everything
from tests.support.graph.drafted import bring, drafts, loaded, studies
from tests.support.graph.same_answers import sample_values, variations

__all__ = ["drafts", "loaded", "studies"]

ABOUT_DRAFTS = {"draft_agreement", "draft_beyond_report"}


def test_no_draft_is_ever_a_finding_of_the_graph(
    loaded: Graph, studies: Snapshot, drafts: Snapshot
) -> None:
    """Every named query but those of drafts answers as before, and all else stands as before."""
    samples = sample_values(loaded)
    asked = [
        (query.name, values)
        for query in list_queries()
        if query.name not in ABOUT_DRAFTS
        for values in itertools.islice(variations(query, samples), 3)
    ]
    findings = "MATCH (s)-[f:HAS_FINDING]->(c) RETURN s.key AS s, properties(f) AS f, c.key AS c"
    digests = "MATCH (x:Extraction) RETURN x.key AS key, x.digest AS digest"

    def look() -> list[object]:
        answers = [run_query(loaded, name, values) for name, values in asked]
        stands = [sorted(map(str, loaded.read(each))) for each in (findings, digests)]
        return [answers, stands, sample_values(loaded)]

    before, contents = look(), set(read_everything(loaded))
    bring(loaded, drafts, studies)
    assert look() == before
    added = set(read_everything(loaded)) - contents
    assert added
    assert not any("HAS_FINDING" in each or '"Concept"' in each for each in added)
    assert contents <= set(read_everything(loaded))


def test_no_named_query_but_two_walks_to_a_draft() -> None:
    names = ("Draft", "Claim", "HAS_DRAFT", "CLAIMS")
    walking = {
        query.name
        for query in list_queries()
        if any(name in f"{query.statement} {query.summed}" for name in names)
    }
    assert walking == ABOUT_DRAFTS
    open_end = re.compile(r"-\[\w*\]-|--")  # a walk along whatever stands there
    assert not [q.name for q in list_queries() if open_end.search(_strip_comments(q.statement))]


def _strip_comments(statement: str) -> str:
    return re.sub(r"//.*", "", statement)
