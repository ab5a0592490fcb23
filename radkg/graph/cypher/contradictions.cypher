// question: Which findings do extractions both state and deny within one study?
// family: quality
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// Findings and impression may differ, and so may two places of one finding: look at the studies
// (contradicting_studies) before you call it an error. `of` are the studies in which it is present.
MATCH (finding:Concept {kind: 'observation'})<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WHERE NOT finding.name IN [name IN split($ignore, ',') | trim(name)]
WITH finding, count(DISTINCT study) AS of,
  count(DISTINCT CASE WHEN found.absent > 0 THEN study END) AS studies
WHERE studies > 0
WITH finding.name AS finding, of, studies
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit

// from sums
MATCH (:Load)-[counts:COUNTS]->(concept:Concept)
WITH concept.name AS finding, sum(counts.contradicted) AS studies, sum(counts.present) AS of
WHERE studies > 0 AND NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
