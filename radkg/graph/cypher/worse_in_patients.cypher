// question: In which patients is a finding called more severe than in the study with it before?
// family: courses
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
// Compared are dated studies of a patient in which the finding is present with a word of severity.
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP' AND found.modifiers IS NOT NULL AND study.study_date IS NOT NULL
UNWIND found.modifiers AS word
WITH study, max(CASE
  WHEN word IN ['severe', 'large', 'marked', 'massive', 'extensive', 'gross'] THEN 3
  WHEN word IN ['moderate', 'medium'] THEN 2
  WHEN word IN ['mild', 'small', 'minimal', 'trace', 'tiny', 'slight', 'borderline'] THEN 1
  ELSE 0
END) AS severity
WHERE severity > 0
MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
WITH patient, study.study_date AS study_date, max(severity) AS severity
ORDER BY study_date
WITH patient, collect({study_date: study_date, severity: severity}) AS steps
UNWIND range(1, size(steps) - 1) AS place
WITH patient, steps[place - 1] AS before, steps[place] AS after
WHERE after.severity > before.severity
RETURN
  after.study_date AS study_date,
  patient.archive AS archive,
  patient.subject_id AS subject_id,
  ['mild', 'moderate', 'severe'][after.severity - 1] AS severity,
  before.study_date AS date_before,
  ['mild', 'moderate', 'severe'][before.severity - 1] AS severity_before
ORDER BY study_date, archive, subject_id
LIMIT $limit
