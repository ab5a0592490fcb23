// question: Where is a finding located, in the studies in which it is present?
// family: anatomy
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[:OF]-(mention:Mention {label: 'OBS-DP'})
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)-[:LOCATED_AT]->(:Mention)-[:OF]->(site:Concept)
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH site.name AS site, of, count(DISTINCT study) AS studies
RETURN
  site,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, site
LIMIT $limit
