// question: In which studies is a finding present, newest first? Undated ones last, if at all.
// family: cohorts
// param finding: concept = effusion, name of the finding
// param since: date = none, first day; leaves undated studies out
// param until: date = none, last day; leaves undated studies out
// param limit: integer = 1000, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
  AND ($since IS NULL OR study.study_date >= $since)
  AND ($until IS NULL OR study.study_date <= $until)
MATCH (patient:Patient)-[:HAS_STUDY]->(study)
RETURN
  study.study_date AS study_date,
  study.archive AS archive,
  study.study_id AS study_id,
  patient.subject_id AS subject_id,
  found.mentions AS mentions,
  found.confidence AS confidence,
  found.extractor AS extractor
ORDER BY study_date IS NULL, study_date DESC, archive, study_id, extractor
LIMIT $limit
