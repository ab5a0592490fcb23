// question: In which studies does the image show a finding that the report does not state?
// family: disagreement
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[:OF]-(mention:Mention)
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:HAS_MENTION]-(extraction:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WHERE extraction.condition = 'image+report'
WITH study, extraction,
  max(CASE WHEN mention.source = 'image' AND mention.label = 'OBS-DP' THEN mention.confidence END)
    AS confidence,
  max(CASE
    WHEN mention.source = 'image' THEN 0
    WHEN mention.label = 'OBS-DP' THEN 3
    WHEN mention.label = 'OBS-U' THEN 2
    ELSE 1
  END) AS by_report
WHERE confidence IS NOT NULL AND by_report < 3
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  ['not mentioned', 'absent', 'uncertain'][by_report] AS report_says,
  confidence AS image_confidence,
  extraction.extractor AS extractor
ORDER BY image_confidence DESC, archive, study_id, extractor
LIMIT $limit
