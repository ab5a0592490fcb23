// question: What do imported tables of knowledge say of a concept?
// family: knowledge
// param concept: concept = effusion, name of the concept, or of a term of a table
// param limit: integer = 20, most rows to return
// Terms of a table with one code are one thing: what it says of the one spelling it says of all.
MATCH (asked:Knowledge {name: $concept})
WITH DISTINCT asked.table AS table, asked.code AS code
MATCH (same:Knowledge {code: code})
WHERE same.table = table
CALL {
  WITH same
  MATCH (same)-[known:KNOWN]->(tail:Knowledge)
  RETURN same AS head, known, tail
  UNION ALL
  WITH same
  MATCH (same)<-[known:KNOWN]-(head:Knowledge)
  RETURN head, known, same AS tail
}
WITH DISTINCT table, head.name AS head, head.code AS head_code, known.relation AS relation,
  tail.name AS tail, tail.code AS tail_code, known.count AS count
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
