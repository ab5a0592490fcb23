"""All that a graph holds, to compare two graphs by."""

import json

from radkg.graph import Graph


def read_everything(graph: Graph) -> list[str]:
    """Return all nodes and relationships but those that tell how the graph came to be."""
    nodes = graph.read(
        "MATCH (n) WHERE NOT n:Load AND NOT n:SchemaVersion"
        " RETURN labels(n) AS l, properties(n) AS p"
    )
    links = graph.read(
        "MATCH (a)-[r]->(b) RETURN CASE WHEN a:Load THEN a.key ELSE properties(a) END AS a,"
        " type(r) AS t, properties(r) AS p, properties(b) AS b"
    )
    return sorted(json.dumps(each, sort_keys=True, default=str) for each in nodes + links)
