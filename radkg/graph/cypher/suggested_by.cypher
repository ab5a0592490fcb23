// question: Which findings suggest another, in the studies in which that is present or uncertain?
// family: differential
// param finding: concept = pneumonia, name of the suggested finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label IN ['OBS-DP', 'OBS-U']
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[:OF]-(mention:Mention)
WHERE mention.label IN ['OBS-DP', 'OBS-U'] AND NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:SUGGESTIVE_OF]-(:Mention)-[:OF]->(other:Concept)
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH other.name AS sign, of, count(DISTINCT study) AS studies
RETURN
  sign,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, sign
LIMIT $limit
