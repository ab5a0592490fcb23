// question: Which relations of a concept do studies state, and how often does a table know them?
// family: knowledge
// param concept: concept = effusion, name of the concept
// param limit: integer = 20, most rows to return
// What is absent or uncertain on either side is left out. `of` are the studies that state the
// concept; `known` adds up the counts of the tables that know the relation, of which there are
// `tables`; a term of a table counts under every name of its code.
MATCH (concept:Concept {name: $concept})<-[:OF]-(mention:Mention)
WHERE mention.label IN ['OBS-DP', 'ANAT-DP']
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH count(DISTINCT study) AS of
MATCH (concept:Concept {name: $concept})<-[:OF]-(mention:Mention)
WHERE mention.label IN ['OBS-DP', 'ANAT-DP']
MATCH (mention)-[link:MODIFY|LOCATED_AT|SUGGESTIVE_OF]-(other:Mention)
WHERE other.label IN ['OBS-DP', 'ANAT-DP']
MATCH (other)-[:OF]->(beside:Concept)
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH of, startNode(link) = mention AS leads, toLower(type(link)) AS relation, beside.name AS name,
  count(DISTINCT study) AS studies
WITH of, studies, relation, CASE WHEN leads THEN $concept ELSE name END AS head,
  CASE WHEN leads THEN name ELSE $concept END AS tail
ORDER BY studies DESC, head, relation, tail
LIMIT $limit
CALL {
  WITH head, relation, tail
  MATCH (asked:Knowledge {name: head})
  MATCH (first:Knowledge {code: asked.code})
  WHERE first.table = asked.table
  MATCH (first)-[known:KNOWN {relation: relation}]->(second:Knowledge)
  MATCH (spelt:Knowledge {code: second.code})
  WHERE spelt.table = second.table AND spelt.name = tail
  RETURN count(DISTINCT asked.table) AS tables, coalesce(sum(known.count), 0) AS known
}
RETURN
  head,
  relation,
  tail,
  studies,
  of,
  toFloat(studies) / of AS rate,
  tables,
  known
ORDER BY studies DESC, head, relation, tail
