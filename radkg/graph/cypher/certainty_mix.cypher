// question: How certain are reports about each finding they mention? The rate is uncertain / of.
// family: uncertainty
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// One finding after the other: all studies of all findings at once are too much for a heap.
MATCH (concept:Concept {kind: 'observation'})
WHERE NOT concept.name IN [name IN split($ignore, ',') | trim(name)]
CALL {
  WITH concept
  MATCH (concept)<-[found:HAS_FINDING]-(study:Study)
  WITH study, max(CASE found.label WHEN 'OBS-DP' THEN 3 WHEN 'OBS-U' THEN 2 ELSE 1 END) AS label
  RETURN
    count(CASE label WHEN 3 THEN study END) AS present,
    count(CASE label WHEN 2 THEN study END) AS uncertain,
    count(CASE label WHEN 1 THEN study END) AS absent,
    count(study) AS of
}
WITH concept.name AS finding, present, uncertain, absent, of
WHERE of > 0
RETURN
  finding,
  present,
  uncertain,
  absent,
  of,
  toFloat(uncertain) / of AS rate
ORDER BY of DESC, finding
LIMIT $limit

// from sums
MATCH (:Load)-[counts:COUNTS]->(concept:Concept)
WITH concept.name AS finding,
  sum(counts.present) AS present, sum(counts.uncertain) AS uncertain, sum(counts.absent) AS absent
WHERE NOT finding IN [name IN split($ignore, ',') | trim(name)]
WITH finding, present, uncertain, absent, present + uncertain + absent AS of
RETURN
  finding,
  present,
  uncertain,
  absent,
  of,
  toFloat(uncertain) / of AS rate
ORDER BY of DESC, finding
LIMIT $limit
