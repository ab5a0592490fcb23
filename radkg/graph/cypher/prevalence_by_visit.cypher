// question: Is a finding more frequent in first studies of patients or in later ones?
// family: subgroup
// param finding: concept = effusion, name of the finding
// corrected: $finding
// Dated studies only; first are all studies of the first day.
MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status IN ['ok', 'empty'] AND study.study_date IS NOT NULL
WITH patient, min(study.study_date) AS first_day, collect(DISTINCT study) AS studies
UNWIND studies AS study
OPTIONAL MATCH (study)-[:HAS_FINDING {label: 'OBS-DP'}]->(finding:Concept)
WHERE finding.name = $finding AND finding.kind = 'observation'
WITH study, CASE WHEN study.study_date = first_day THEN 'first' ELSE 'later' END AS visit,
  count(finding) AS found
WITH visit, count(CASE WHEN found > 0 THEN study END) AS studies, count(study) AS of
RETURN
  visit,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY visit
