// question: In which studies does the image show a finding that the report does not state?
// family: disagreement
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.by_image = 'OBS-DP' AND coalesce(found.by_report, '') <> 'OBS-DP'
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.extractor = found.extractor AND extraction.condition = 'image+report'
WITH study, extraction, found.confidence AS image_confidence,
  CASE found.by_report WHEN 'OBS-U' THEN 2 WHEN 'OBS-DA' THEN 1 ELSE 0 END AS by_report
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  ['not mentioned', 'absent', 'uncertain'][by_report] AS report_says,
  image_confidence,
  extraction.extractor AS extractor
ORDER BY image_confidence DESC, archive, study_id, extractor
LIMIT $limit
