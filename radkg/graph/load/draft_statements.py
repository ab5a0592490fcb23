"""The Cypher of drafts: constant text, every value a parameter.

`$ledger` is the key of a DraftLoad, `$keys` are keys of drafts, but where it is said. A walk goes
from a draft or its study.
"""

LEDGER = """
MATCH (l:DraftLoad {key: $ledger})
RETURN properties(l) AS ledger
"""

STUDIES = """
MATCH (s:Study {archive: $archive})
RETURN collect(s.key) AS keys
"""

STANDING = """
MATCH (d:Draft {archive: $archive, reporter: $reporter})
RETURN d.key AS key, d.digest AS digest, d.snapshot_id AS snapshot_id, d.num_claims AS num_claims,
  [(d)<-[:HAS_DRAFT]-(s) | s.key] AS studies, COUNT { (d)-[:CLAIMS]->() } AS claims
"""

# $studies is the key of the Load of the studies.
STATE = """
MERGE (l:DraftLoad {key: $ledger})
WITH l
OPTIONAL MATCH (r:Load {key: $studies})
RETURN l.snapshot_id AS snapshot_id, coalesce(r.retractions, 0) AS retractions
"""

REPORTERS = """
MATCH (d:Draft {archive: $archive})
RETURN DISTINCT d.reporter AS reporter
ORDER BY reporter
"""

BEGIN = """
MERGE (l:DraftLoad {key: $ledger})
SET l += $properties
"""

DELETE_LEDGER = """
MATCH (l:DraftLoad {key: $ledger})
DELETE l
"""

SET_LEDGER = """
MATCH (l:DraftLoad {key: $ledger})
SET l += $properties
"""

# $keys are those of studies.
KNOWN_STUDIES = """
UNWIND $keys AS key
MATCH (s:Study {key: key})
RETURN key
"""

CREATE = """
UNWIND $rows AS row
MATCH (s:Study {key: row.study})
CREATE (s)-[:HAS_DRAFT]->(d:Draft)
SET d = row.draft
WITH row, d
CALL {
  WITH row, d
  UNWIND row.claims AS claim
  CREATE (d)-[:CLAIMS]->(c:Claim)
  SET c = claim
  RETURN count(c) AS claims
}
RETURN count(d) AS drafts, coalesce(sum(claims), 0) AS claims
"""

SET_SNAPSHOT = """
UNWIND $keys AS key
MATCH (d:Draft {key: key})
SET d.snapshot_id = $snapshot_id
"""

# What is deleted is collected first, as in statements.py.
DELETE = (
    """
    UNWIND $keys AS key
    MATCH (d:Draft {key: key})-[:CLAIMS]->(c)
    WITH collect(c) AS found
    FOREACH (c IN found | DETACH DELETE c)
    """,
    """
    UNWIND $keys AS key
    MATCH (d:Draft {key: key})
    WITH collect(d) AS found
    FOREACH (d IN found | DETACH DELETE d)
    """,
)

# $keys are those of studies, of which an extraction has just gone.
OF_GONE_STUDIES = """
UNWIND $keys AS key
MATCH (s:Study {key: key})-[:HAS_DRAFT]->(d:Draft)
WITH s, d, [(s)<-[:HAS_STUDY]-(p) | p.subject_id] AS subjects
WHERE NOT (s)-[:HAS_EXTRACTION]->() OR s.study_id IN $study_ids
  OR any(subject IN subjects WHERE subject IN $subject_ids)
RETURN d.key AS key
"""

# What only a hand can have left behind, and `repair` removes.
SWEEP_STRAYS = (
    """
    MATCH (l:DraftLoad)
    WITH collect(l.key) AS ledgers
    MATCH (d:Draft)
    WHERE d.key IS NULL OR NOT (d)<-[:HAS_DRAFT]-()
      OR NOT coalesce(d.archive + '|' + d.reporter, '') IN ledgers
    WITH collect(d) AS found
    FOREACH (d IN found | DETACH DELETE d)
    """,
    """
    MATCH (c:Claim)
    WHERE NOT (c)<-[:CLAIMS]-()
    WITH collect(c) AS found
    FOREACH (c IN found | DELETE c)
    """,
)
