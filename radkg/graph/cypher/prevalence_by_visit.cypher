// question: Is a finding more frequent in first studies of patients or in later ones?
// family: subgroup
// param finding: concept = effusion, name of the finding
// corrected: $finding
// Dated studies only; first are all studies of the first day.
CALL {
  MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
  WHERE extraction.status = 'ok' AND study.study_date IS NOT NULL
  RETURN patient, study, 0 AS found
  UNION ALL
  MATCH (:Concept {name: $finding, kind: 'observation'})<-[present:HAS_FINDING]-(study:Study)
  WHERE present.label = 'OBS-DP' AND study.study_date IS NOT NULL
  MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
  RETURN patient, study, 1 AS found
}
WITH patient, study, max(found) AS found
WITH patient, min(study.study_date) AS first_day,
  collect({day: study.study_date, found: found}) AS steps
UNWIND steps AS step
WITH CASE step.day WHEN first_day THEN 'first' ELSE 'later' END AS visit,
  sum(step.found) AS studies,
  count(step) AS of
RETURN
  visit,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY visit
