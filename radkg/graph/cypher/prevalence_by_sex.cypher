// question: How does the prevalence of a finding differ between the sexes?
// family: subgroup
// param finding: concept = effusion, name of the finding
// corrected: $finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH coalesce(study.sex, 'unknown') AS sex, count(DISTINCT study) AS of
WITH collect({sex: sex, of: of}) AS groups
OPTIONAL MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
WITH groups, collect(DISTINCT study) AS cohort
UNWIND groups AS row
WITH row.sex AS sex, row.of AS of,
  size([study IN cohort WHERE coalesce(study.sex, 'unknown') = row.sex]) AS studies
RETURN
  sex,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY sex
