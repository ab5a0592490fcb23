// question: Which findings are present together with a finding, and how much more than by chance?
// family: co-occurrence
// param finding: concept = effusion, name of the finding
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// `rate` is the share among the studies with the finding, `overall` the share among all studies,
// `lift` the one over the other: 1 where the two findings have nothing to do with each other.
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH count(DISTINCT study) AS all_studies
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH all_studies, finding, count(DISTINCT study) AS of
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH DISTINCT all_studies, of, study
MATCH (study)-[:HAS_FINDING {label: 'OBS-DP'}]->(other:Concept)
WITH all_studies, of, other, count(DISTINCT study) AS studies
WHERE other.name <> $finding AND NOT other.name IN [name IN split($ignore, ',') | trim(name)]
WITH all_studies, of, other, studies
ORDER BY studies DESC, other.name
LIMIT $limit
MATCH (other)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH all_studies, of, other.name AS with_finding, studies, count(DISTINCT study) AS with_other
RETURN
  with_finding,
  studies,
  of,
  toFloat(studies) / of AS rate,
  toFloat(with_other) / all_studies AS overall,
  toFloat(studies) * all_studies / (of * with_other) AS lift
ORDER BY studies DESC, with_finding

// from sums with pairs of $finding
MATCH (load:Load)
WITH sum(load.num_read) AS all_studies
MATCH (:Load)-[counts:COUNTS]->(finding:Concept)
WHERE finding.name = $finding
WITH all_studies, finding, sum(counts.present) AS of
CALL {
  WITH finding
  MATCH (finding)-[pair:AGG_CO_OCCURS]->(other:Concept)
  RETURN other, pair.studies AS studies, 0 AS with_other
  UNION ALL
  MATCH (:Load)-[counts:COUNTS]->(other:Concept)
  RETURN other, 0 AS studies, counts.present AS with_other
}
WITH all_studies, of, other.name AS with_finding,
  sum(studies) AS studies, sum(with_other) AS with_other
WHERE studies > 0
  AND NOT with_finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  with_finding,
  studies,
  of,
  toFloat(studies) / of AS rate,
  toFloat(with_other) / all_studies AS overall,
  toFloat(studies) * all_studies / (of * with_other) AS lift
ORDER BY studies DESC, with_finding
LIMIT $limit
