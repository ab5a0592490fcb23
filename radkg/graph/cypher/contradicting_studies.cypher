// question: In which studies does one extraction both state and deny a finding?
// family: quality
// param finding: concept = effusion, name of the finding
// param limit: integer = 100, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.present > 0 AND found.absent > 0
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  found.present AS stated,
  found.absent AS denied,
  found.extractor AS extractor
ORDER BY archive, study_id, extractor
LIMIT $limit
