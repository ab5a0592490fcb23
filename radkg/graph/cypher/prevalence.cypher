// question: In how many studies is a finding present, uncertain, absent or not mentioned?
// family: prevalence
// param finding: concept = effusion, name of the finding
// corrected: $finding where certainty = present
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH count(DISTINCT study) AS of
OPTIONAL MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WITH of, study, max(CASE found.label WHEN 'OBS-DP' THEN 3 WHEN 'OBS-U' THEN 2 ELSE 1 END) AS label
WITH of,
  count(study) AS mentioned,
  count(CASE label WHEN 3 THEN study END) AS present,
  count(CASE label WHEN 2 THEN study END) AS uncertain,
  count(CASE label WHEN 1 THEN study END) AS absent
UNWIND [
  {place: 1, certainty: 'present', studies: present},
  {place: 2, certainty: 'uncertain', studies: uncertain},
  {place: 3, certainty: 'absent', studies: absent},
  {place: 4, certainty: 'not mentioned', studies: of - mentioned}
] AS row
RETURN
  row.certainty AS certainty,
  row.studies AS studies,
  of,
  CASE WHEN of > 0 THEN toFloat(row.studies) / of END AS rate
ORDER BY row.place
