// question: Which findings are present at an anatomical site, and in how many studies?
// family: anatomy
// param site: concept = lung, name of the anatomy
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH count(DISTINCT study) AS of
MATCH (:Concept {name: $site, kind: 'anatomy'})<-[:OF]-(place:Mention)
MATCH (place)<-[:LOCATED_AT]-(mention:Mention {label: 'OBS-DP'})-[:OF]->(finding:Concept)
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH of, finding.name AS finding, count(DISTINCT study) AS studies
WHERE NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit

// from sums
MATCH (load:Load)
WITH sum(load.num_read) AS of
MATCH (:Concept {name: $site, kind: 'anatomy'})<-[:OF]-(place:Mention)
MATCH (place)<-[:LOCATED_AT]-(mention:Mention {label: 'OBS-DP'})-[:OF]->(finding:Concept)
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH of, finding.name AS finding, count(DISTINCT study) AS studies
WHERE NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
