// question: In which studies does one extraction both state and deny a finding?
// family: quality
// param finding: concept = effusion, name of the finding
// param limit: integer = 100, most rows to return
MATCH (:Concept {name: $finding, kind: 'observation'})<-[:OF]-(mention:Mention)
WHERE mention.label IN ['OBS-DP', 'OBS-DA'] AND NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:HAS_MENTION]-(extraction:Extraction)
WITH extraction,
  count(CASE mention.label WHEN 'OBS-DP' THEN mention END) AS stated,
  count(CASE mention.label WHEN 'OBS-DA' THEN mention END) AS denied
WHERE stated > 0 AND denied > 0
MATCH (extraction)<-[:HAS_EXTRACTION]-(study:Study)
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  stated,
  denied,
  extraction.extractor AS extractor
ORDER BY archive, study_id, extractor
LIMIT $limit
