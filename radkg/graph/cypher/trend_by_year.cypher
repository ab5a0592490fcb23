// question: How does the prevalence of a finding change from year to year? Dated studies only.
// family: trends
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
// corrected: $finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status IN ['ok', 'empty'] AND study.study_date IS NOT NULL
OPTIONAL MATCH (study)-[:HAS_FINDING {label: 'OBS-DP'}]->(finding:Concept)
WHERE finding.name = $finding AND finding.kind = 'observation'
WITH study, count(finding) AS found
WITH study.study_date.year AS year,
  count(CASE WHEN found > 0 THEN study END) AS studies,
  count(study) AS of
RETURN
  year,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY year
LIMIT $limit
