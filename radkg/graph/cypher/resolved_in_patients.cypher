// question: In which patients is a finding that was present stated as absent in the end?
// family: courses
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE study.study_date IS NOT NULL
WITH study, max(CASE found.label WHEN 'OBS-DP' THEN 3 WHEN 'OBS-U' THEN 2 ELSE 1 END) AS label
MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
WITH patient,
  max(CASE WHEN label = 3 THEN study.study_date END) AS last_present,
  max(CASE WHEN label > 1 THEN study.study_date END) AS last_possible,
  max(CASE WHEN label = 1 THEN study.study_date END) AS last_absent,
  count(CASE WHEN label = 3 THEN study END) AS studies_present
WHERE last_present IS NOT NULL AND last_absent > last_possible
RETURN
  last_absent,
  patient.archive AS archive,
  patient.subject_id AS subject_id,
  studies_present,
  last_present
ORDER BY last_absent, archive, subject_id
LIMIT $limit
