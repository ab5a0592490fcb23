// question: Which findings are present in the most studies?
// family: prevalence
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// corrected: finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH count(DISTINCT study) AS of
MATCH (finding:Concept {kind: 'observation'})<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
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
MATCH (:Load)-[counts:COUNTS]->(concept:Concept)
WITH of, concept.name AS finding, sum(counts.present) AS studies
WHERE studies > 0 AND NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
