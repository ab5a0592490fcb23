// question: In how many patients without a finding at first does it appear later?
// family: courses
// param finding: concept = effusion, name of the finding
// `of` are the patients with dated studies of two days or more that were read, and without the finding
// on the first day; the rate is the cumulative incidence over whatever time they were followed.
MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status IN ['ok', 'empty'] AND study.study_date IS NOT NULL
WITH patient, min(study.study_date) AS first_day, max(study.study_date) AS last_day
WHERE first_day < last_day
OPTIONAL MATCH (patient)-[:HAS_STUDY]->(study:Study)-[:HAS_FINDING {label: 'OBS-DP'}]->(finding)
WHERE finding.name = $finding AND finding.kind = 'observation' AND study.study_date IS NOT NULL
WITH patient, first_day, min(study.study_date) AS first_present
WITH
  count(CASE WHEN first_present > first_day THEN patient END) AS patients,
  count(CASE WHEN first_present IS NULL OR first_present > first_day THEN patient END) AS of
RETURN
  patients,
  of,
  CASE WHEN of > 0 THEN toFloat(patients) / of END AS rate
ORDER BY patients
