// question: Which relations of a finding do studies state, and how often does a table know them?
// family: knowledge
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
// What modifies it, where it is located and what it suggests, where it is present; what is suggested
// counts whatever its certainty. `known` adds up the counts of the tables that know the relation, of
// which there are `tables`; a term of a table counts under every name of its code.
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
UNWIND [
  {relation: 'modify', names: coalesce(found.modifiers, [])},
  {relation: 'located_at', names: coalesce(found.sites, [])},
  {relation: 'suggestive_of', names: coalesce(found.suggests, [])}
] AS each
UNWIND each.names AS name
WITH of, each.relation AS relation, name, count(DISTINCT study) AS studies
WITH of, studies, relation, CASE relation WHEN 'modify' THEN name ELSE $finding END AS head,
  CASE relation WHEN 'modify' THEN $finding ELSE name END AS tail
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
