"""The Cypher of the sums of findings (aggregates.py): constant text, every value a parameter.

`$ledger` is the key of a Load node; a walk goes from the Load, or from a finding outwards.
"""

from radkg.graph.rows.aggregates import CO_OCCURS, COUNTS

TYPES = {COUNTS: "Load", CO_OCCURS: "Concept"}
"""relationships to a Concept, with the label they start at"""

# One row: a record for each takes the client several times as long.
READ_SUMS = {
    COUNTS: """
    MATCH (h:Load {key: $ledger})-[r:COUNTS]->(t)
    RETURN collect({
      head: coalesce(h.key, ''), tail: coalesce(t.key, ''), properties: properties(r)
    }) AS sums
    """,
    CO_OCCURS: """
    MATCH (h:Concept)-[r:AGG_CO_OCCURS {archive: $archive, extractor: $extractor}]->(t)
    RETURN collect({
      head: coalesce(h.key, ''), tail: coalesce(t.key, ''), properties: properties(r)
    }) AS sums
    """,
}

# Of the relationships of a load; COUNTS have no archive, for their Load has.
_OWN = {COUNTS: "true", CO_OCCURS: "r.archive = $archive AND r.extractor = $extractor"}

# One of each type. $rows: head; tails: keys; properties: by key; edges: tail and properties.
READ_SOME_SUMS, DELETE_SUMS, SET_SUMS, CREATE_SUMS = (
    {
        kind: statement.format(kind=kind, label=label, own=_OWN[kind])
        for kind, label in TYPES.items()
    }
    for statement in (
        """
        UNWIND $rows AS row
        MATCH (h:{label} {{key: row.head}})-[r:{kind}]->(t)
        WHERE {own} AND row.properties[coalesce(t.key, '')] IS NOT NULL
        RETURN coalesce(h.key, '') AS head, coalesce(t.key, '') AS tail, properties(r) AS properties
        """,
        """
        UNWIND $rows AS row
        MATCH (h:{label} {{key: row.head}})-[r:{kind}]->(t)
        WHERE {own} AND coalesce(t.key, '') IN row.tails
        WITH collect(r) AS found
        FOREACH (r IN found | DELETE r)
        """,
        """
        UNWIND $rows AS row
        MATCH (h:{label} {{key: row.head}})-[r:{kind}]->(t)
        WHERE {own}
        WITH r, row.properties[coalesce(t.key, '')] AS properties
        WHERE properties IS NOT NULL
        SET r = properties
        """,
        """
        UNWIND $rows AS row
        MATCH (h:{label} {{key: row.head}})
        UNWIND row.edges AS edge
        MATCH (t:Concept {{key: edge.tail}})
        CREATE (h)-[r:{kind}]->(t)
        SET r = edge.properties
        RETURN count(*) AS number
        """,
    )
)

SUMS_OF_LOADS = """
MATCH (l:Load)
RETURN l.archive AS archive, l.num_studies AS studies, l.complete AS complete, l.sums AS sums
"""

NUM_UNPAIRED = """
MATCH (:Load)-[counts:COUNTS]->(concept:Concept)
WHERE concept.name = $finding AND counts.present > 0 AND NOT counts.paired
RETURN count(*) AS number
"""

# What no load has written, for `repair`.
SWEEP_STRAYS = """
MATCH (l:Load)
WITH collect([l.archive, l.extractor]) AS own
MATCH (h:Concept)-[r:AGG_CO_OCCURS]->()
WHERE h.key IS NULL OR NOT [coalesce(r.archive, ''), coalesce(r.extractor, '')] IN own
WITH collect(r) AS found
FOREACH (r IN found | DELETE r)
"""
