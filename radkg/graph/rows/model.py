"""The model of the graph in names: which labels and relationship types are radkg's.

In a database that radkg loads these names are its own. What has none of them, and touches nothing
that has one, is another application's: no load reads, changes or deletes it.
"""

from __future__ import annotations

from radkg.graph.rows.aggregates import CO_OCCURS, COUNTS
from radkg.graph.rows.nested import RELATION_TYPES

LABELS = (
    *("Patient", "Study", "Extraction", "Mention", "Concept", "Load", "Lock", "SchemaVersion"),
    *("Knowledge", "KnowledgeLoad", "Draft", "Claim", "DraftLoad"),
)

ENDS = {
    "HAS_STUDY": ("Patient", "Study"),
    "HAS_EXTRACTION": ("Study", "Extraction"),
    "HAS_MENTION": ("Extraction", "Mention"),
    "OF": ("Mention", "Concept"),
    **dict.fromkeys(RELATION_TYPES, ("Mention", "Mention")),
    "HAS_FINDING": ("Study", "Concept"),
    COUNTS: ("Load", "Concept"),
    CO_OCCURS: ("Concept", "Concept"),
    "KNOWN": ("Knowledge", "Knowledge"),
    "HAS_DRAFT": ("Study", "Draft"),
    "CLAIMS": ("Draft", "Claim"),
}
"""of each relationship type the labels that it leads from and to"""

OWNED = {
    "Patient": "(n)-[:HAS_STUDY]->()",
    "Study": "(n)-[:HAS_EXTRACTION]->()",
    "Extraction": "(n)<-[:HAS_EXTRACTION]-()",
    "Mention": "(n)<-[:HAS_MENTION]-()",
    "Concept": "(n)<-[:OF]-()",
    "Draft": "(n)<-[:HAS_DRAFT]-()",
    "Claim": "(n)<-[:CLAIMS]-()",
}
"""the pattern without which a node n of this label belongs to no load"""

# Another application has put something of its own on a node of ours: it is not ours to delete.
HELD = "(size(labels(n)) > 1 OR NOT all(t IN [(n)-[r]-() | type(r)] WHERE t IN $types))"
