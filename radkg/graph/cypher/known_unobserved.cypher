// question: Which relations of a concept does a table know that no study states?
// family: knowledge
// param concept: concept = effusion, name of the concept, or of a term of a table
// param limit: integer = 20, most rows to return
// A relation is stated where a study has it between present mentions of any names of its two codes.
MATCH (asked:Knowledge {name: $concept})
WITH DISTINCT asked.table AS table, asked.code AS code
CALL {
  WITH table, code
  MATCH (same:Knowledge {code: code})
  WHERE same.table = table
  MATCH (concept:Concept {name: same.name})<-[:OF]-(mention:Mention)
  WHERE mention.label IN ['OBS-DP', 'ANAT-DP']
  MATCH (mention)-[link:MODIFY|LOCATED_AT|SUGGESTIVE_OF]-(other:Mention)
  WHERE other.label IN ['OBS-DP', 'ANAT-DP']
  MATCH (other)-[:OF]->(beside:Concept)
  WITH DISTINCT table, startNode(link) = mention AS leads, toLower(type(link)) AS relation,
    beside.name AS name
  MATCH (term:Knowledge {name: name})
  WHERE term.table = table
  RETURN collect(DISTINCT [leads, relation, term.code]) AS stated
}
MATCH (same:Knowledge {code: code})
WHERE same.table = table
MATCH (same)-[known:KNOWN]-(other:Knowledge)
WITH DISTINCT table, code, stated, known, startNode(known) AS first, endNode(known) AS second
WITH table, stated, known.relation AS relation, known.count AS count, first.code = code AS leads,
  first.name AS head, first.code AS head_code, second.name AS tail, second.code AS tail_code
WHERE NOT [leads, relation, CASE WHEN leads THEN tail_code ELSE head_code END] IN stated
RETURN
  table,
  head,
  relation,
  tail,
  count,
  head_code,
  tail_code
ORDER BY count DESC, table, head, relation, tail, head_code, tail_code
LIMIT $limit
