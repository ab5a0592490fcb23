// question: What was found in the studies of a patient, in the order of time? Undated studies last.
// family: courses
// param subject_id: string, the patient
// param limit: integer = 1000, most rows to return
MATCH (:Patient {subject_id: $subject_id})-[:HAS_STUDY]->(study:Study)
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)
OPTIONAL MATCH (study)-[found:HAS_FINDING {extractor: extraction.extractor}]->(finding:Concept)
WITH study, extraction, found, finding, CASE found.label
  WHEN 'OBS-DP' THEN 0
  WHEN 'OBS-U' THEN 1
  WHEN 'OBS-DA' THEN 2
END AS place
RETURN
  study.study_date AS study_date,
  study.archive AS archive,
  study.study_id AS study_id,
  extraction.status AS status,
  finding.name AS finding,
  ['present', 'uncertain', 'absent'][place] AS certainty,
  found.mentions AS mentions,
  found.confidence AS confidence,
  extraction.extractor AS extractor
ORDER BY study_date IS NULL, study_date, archive, study_id, extractor, place, finding
LIMIT $limit
