// question: Which studies mention a finding with little confidence, the least first?
// family: uncertainty
// param finding: concept = effusion, name of the finding
// param below: float = 0.5, confidence in [0, 1] that is no longer little
// param limit: integer = 100, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.confidence < $below
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  found.label AS label,
  found.confidence AS confidence,
  found.extractor AS extractor
ORDER BY confidence, archive, study_id, extractor
LIMIT $limit
