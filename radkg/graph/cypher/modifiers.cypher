// question: With which words is a finding described, in the studies in which it is present?
// family: severity
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[:OF]-(mention:Mention {label: 'OBS-DP'})
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:MODIFY]-(:Mention)-[:OF]->(word:Concept)
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH word.name AS modifier, word.kind AS kind, of, count(DISTINCT study) AS studies
RETURN
  modifier,
  kind,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, modifier, kind
LIMIT $limit
