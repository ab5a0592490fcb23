// question: In which patients does a finding first appear after studies where it was not present?
// family: courses
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP' AND study.study_date IS NOT NULL
MATCH (patient:Patient)-[:HAS_STUDY]->(study)
WITH patient, min(study.study_date) AS study_date
MATCH (patient)-[:HAS_STUDY]->(before:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE before.study_date < study_date AND extraction.status = 'ok'
RETURN
  study_date,
  patient.archive AS archive,
  patient.subject_id AS subject_id,
  count(DISTINCT before) AS studies_before,
  max(before.study_date) AS last_before
ORDER BY study_date, archive, subject_id
LIMIT $limit
