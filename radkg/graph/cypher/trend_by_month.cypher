// question: How does the prevalence of a finding change from month to month? Dated studies only.
// family: trends
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
// corrected: $finding
CALL {
  MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
  WHERE extraction.status = 'ok' AND study.study_date IS NOT NULL
  RETURN study, 0 AS found
  UNION ALL
  MATCH (:Concept {name: $finding, kind: 'observation'})<-[present:HAS_FINDING]-(study:Study)
  WHERE present.label = 'OBS-DP' AND study.study_date IS NOT NULL
  RETURN study, 1 AS found
}
WITH study, max(found) AS found
WITH substring(toString(study.study_date), 0, 7) AS month, sum(found) AS studies, count(study) AS of
RETURN
  month,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY month
LIMIT $limit
