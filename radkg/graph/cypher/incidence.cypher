// question: In how many patients without a finding at first does it appear later?
// family: courses
// param finding: concept = effusion, name of the finding
// `of` are the patients with dated studies of two days or more that were read, and without the finding
// on the first day; the rate is the cumulative incidence over whatever time they were followed.
CALL {
  MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
  WHERE extraction.status = 'ok' AND study.study_date IS NOT NULL
  RETURN patient, study.study_date AS day, null AS present_day
  UNION ALL
  MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
  WHERE found.label = 'OBS-DP' AND study.study_date IS NOT NULL
  MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
  RETURN patient, study.study_date AS day, study.study_date AS present_day
}
WITH patient, min(day) AS first_day, max(day) AS last_day, min(present_day) AS first_present
WHERE first_day < last_day
WITH
  count(CASE WHEN first_present > first_day THEN patient END) AS patients,
  count(CASE WHEN first_present IS NULL OR first_present > first_day THEN patient END) AS of
RETURN
  patients,
  of,
  CASE WHEN of > 0 THEN toFloat(patients) / of END AS rate
ORDER BY patients
