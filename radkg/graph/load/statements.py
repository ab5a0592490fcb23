"""The Cypher that the loader runs: constant text, every value a parameter.

Written for Neo4j 5 Community and for the embedded engine alike. Patterns start from the node that
is bound: the embedded engine walks them from left to right, even from a label with 100,000 nodes.
`$keys` are keys of studies;
`$ledger` is the key of a Load node.
"""

from radkg.graph.rows.nested import FINDING_PROPERTIES, RELATION_TYPES

# One row: a record for each study takes the client twenty times as long.
STORED = """
MATCH (s:Study {archive: $archive})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
RETURN collect([s.key, x.digest]) AS stored
"""

NUM_STORED = """
MATCH (s:Study {archive: $archive})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
RETURN count(x) AS number
"""

# The embedded engine counts nodes at once and relationships by walking them all (10 s for nine
# million), so those are counted by what every load wrote down.
NUM_NODES = "MATCH (n) RETURN count(n) AS number"
NUM_RELATIONSHIPS = (
    "MATCH (s:Study) RETURN count(s) AS number",  # HAS_STUDY
    """
    MATCH (l:Load)
    RETURN coalesce(sum(
      l.num_studies + 2 * l.num_mentions + l.num_relations + l.num_findings
      + coalesce(l.num_sums, 0)
    ), 0) AS number
    """,
)

# snapshot_id is what a load was begun with last, last_complete what one was ended with;
# retractions is how many records of run/retractions.py it knew.
LEDGER = """
MATCH (l:Load {key: $ledger})
RETURN properties(l) AS ledger
"""

SET_VERIFIED = """
MATCH (l:Load {key: $ledger})
SET l.verified = $snapshot_id
"""

# One row for a study that stands at all; x may be null.
STANDING = """
UNWIND $keys AS key
MATCH (s:Study {key: key})
OPTIONAL MATCH (s)-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
RETURN key, x.key AS extraction, x.digest AS digest,
  COUNT { (x)-[:HAS_MENTION]->() } AS mentions
"""

# In key order, as everybody takes them. They stand while a load goes on.
LOCK = """
UNWIND $locks AS key
MERGE (k:Lock {key: key})
SET k.transactions = coalesce(k.transactions, 0) + 1
"""

UNLOCK = """
UNWIND $locks AS key
MATCH (k:Lock {key: key})
WITH collect(k) AS found
FOREACH (k IN found | DELETE k)
"""

STATE = """
MERGE (l:Load {key: $ledger})
RETURN l.snapshot_id AS snapshot_id, l.complete AS complete,
  coalesce(l.retractions, 0) AS retractions
"""

# What was retracted since is not yet compared with the graph.
BEGIN = """
MATCH (l:Load {key: $ledger})
SET l.verified = CASE WHEN coalesce(l.retractions, 0) = $retractions THEN l.verified END
SET l.snapshot_id = $snapshot_id, l.retractions = $retractions, l.complete = false
"""

FINISH = """
MATCH (l:Load {key: $ledger})
SET l += $properties
"""

# To `repair`: what else somebody has written there goes.
FINISH_ANEW = """
MATCH (l:Load {key: $ledger})
WITH l, l.verified AS verified
SET l = $properties
SET l.verified = verified
"""

# Everything that is deleted is collected first. While the embedded engine deletes what it walks, it
# loses its place in a node's list of relationships and leaves some standing (6 in 1,000 findings).
DELETE = (
    """
    UNWIND $keys AS key
    MATCH (s:Study {key: key})-[f:HAS_FINDING {extractor: $extractor}]->()
    WITH collect(f) AS found
    FOREACH (f IN found | DELETE f)
    """,
    """
    UNWIND $keys AS key
    MATCH (s:Study {key: key})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
    MATCH (x)-[:HAS_MENTION]->(m:Mention)
    WITH collect(m) AS found
    FOREACH (m IN found | DETACH DELETE m)
    """,
    """
    UNWIND $keys AS key
    MATCH (s:Study {key: key})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
    WITH collect(x) AS found
    FOREACH (x IN found | DETACH DELETE x)
    """,
)

# The archive may have given a study to another patient.
LEAVE_PATIENT = """
UNWIND $keys AS key
MATCH (s:Study {key: key})<-[h:HAS_STUDY]-(:Patient)
WITH collect(h) AS found
FOREACH (h IN found | DELETE h)
"""

DELETE_STUDY = """
UNWIND $keys AS key
MATCH (s:Study {key: key})
WHERE NOT (s)-[:HAS_EXTRACTION]->()
WITH collect(s) AS found
FOREACH (s IN found | DETACH DELETE s)
"""

# In key order, so that two loaders lock the concepts they share in the same order.
CONCEPTS = """
UNWIND $concepts AS concept
MERGE (c:Concept {key: concept.key})
WITH c, concept
WHERE properties(c) <> concept
SET c = concept
"""

CREATE_MENTION = """
  MATCH (c:Concept {key: mention.concept})
  CREATE (x)-[:HAS_MENTION]->(m:Mention {
    ordinal: mention.ordinal, text: mention.text, label: mention.label, start: mention.start,
    end: mention.end, section: mention.section, source: mention.source,
    confidence: mention.confidence
  })-[:OF]->(c)
"""

_FINDING = ", ".join(f"{name}: finding.{name}" for name in FINDING_PROPERTIES)
CREATE_FINDINGS = f"""
CALL {{
  WITH row, s
  UNWIND row.findings AS finding
  MATCH (c:Concept {{key: finding.concept}})
  CREATE (s)-[:HAS_FINDING {{{_FINDING}}}]->(c)
  RETURN count(*) AS findings
}}
"""

# `mentions` are the nodes of a study in the order of their ordinals. Where one is missing, because
# its concept was, the numbers tell: Neo4j would end with an error that is no conflict.
CREATE_RELATIONS = "".join(
    f"""
CALL {{
  WITH row, mentions
  UNWIND row.{name} AS relation
  WITH relation, mentions[relation.head] AS head, mentions[relation.tail] AS tail
  WHERE head IS NOT NULL AND tail IS NOT NULL
  CREATE (head)-[:{name} {{confidence: relation.confidence}}]->(tail)
  RETURN count(*) AS num_{name}
}}
"""
    for name in RELATION_TYPES
)

NUM_RELATIONS = " + ".join(f"num_{name}" for name in RELATION_TYPES)

CREATE = f"""
UNWIND $rows AS row
MERGE (p:Patient {{key: row.patient.key}})
SET p = row.patient
MERGE (s:Study {{key: row.study.key}})
SET s = row.study
CREATE (p)-[:HAS_STUDY]->(s)
CREATE (s)-[:HAS_EXTRACTION]->(x:Extraction)
SET x = row.extraction
WITH row, s, x
CALL {{
  WITH row, x
  UNWIND row.mentions AS mention
  {CREATE_MENTION}
  WITH m ORDER BY m.ordinal
  RETURN collect(m) AS mentions
}}
{CREATE_FINDINGS}
{CREATE_RELATIONS}
RETURN sum(size(mentions)) AS mentions, sum({NUM_RELATIONS}) AS relations
"""

# The sweep shuts out the transactions of all loads: another one may be about to use a concept.
LOCK_ALL = """
MATCH (k:Lock)
WITH k ORDER BY k.key
SET k.transactions = coalesce(k.transactions, 0) + 1
"""

# Only what a load can have written: the rest is `repair`'s, or another application's.
SWEEP = (
    """
    MATCH (p:Patient)
    WHERE NOT (p)--() AND size(labels(p)) = 1 AND p.key = p.archive + '/' + p.subject_id
    WITH collect(p) AS found
    FOREACH (p IN found | DELETE p)
    """,
    """
    MATCH (c:Concept)
    WHERE NOT (c)--() AND size(labels(c)) = 1 AND c.key = c.kind + ':' + c.name
    WITH collect(c) AS found
    FOREACH (c IN found | DELETE c)
    """,
)

# What only a hand can have left behind at a study, and `repair` removes (mending.py has the rest):
# an extraction under a study with another key, and a finding of an extractor that did not read it.
DELETE_STRAYS = (
    """
    UNWIND $keys AS key
    MATCH (x:Extraction {key: key + '|' + $extractor})
    WITH collect(x) AS found
    FOREACH (x IN found | DETACH DELETE x)
    """,
    """
    UNWIND $keys AS key
    MATCH (s:Study {key: key})-[f:HAS_FINDING]->()
    OPTIONAL MATCH (s)-[:HAS_EXTRACTION]->(x:Extraction {extractor: f.extractor})
    WITH f, x
    WHERE x IS NULL
    WITH collect(f) AS found
    FOREACH (f IN found | DELETE f)
    """,
)
