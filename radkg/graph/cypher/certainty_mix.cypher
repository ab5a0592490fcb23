// question: How certain are reports about each finding they mention? The rate is uncertain / of.
// family: uncertainty
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WITH finding, study,
  max(CASE found.label WHEN 'OBS-DP' THEN 3 WHEN 'OBS-U' THEN 2 ELSE 1 END) AS label
WITH finding.name AS finding,
  count(CASE label WHEN 3 THEN study END) AS present,
  count(CASE label WHEN 2 THEN study END) AS uncertain,
  count(CASE label WHEN 1 THEN study END) AS absent,
  count(study) AS of
WHERE NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  present,
  uncertain,
  absent,
  of,
  toFloat(uncertain) / of AS rate
ORDER BY of DESC, finding
LIMIT $limit
