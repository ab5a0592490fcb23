// question: In which studies does one extraction both state and deny a finding?
// family: quality
// param finding: concept = effusion, name of the finding
// param limit: integer = 100, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP' AND found.mentions > 1
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)-[:HAS_MENTION]->(mention:Mention)
WHERE extraction.extractor = found.extractor AND mention.label IN ['OBS-DP', 'OBS-DA']
MATCH (mention)-[:OF]->(concept:Concept)
WHERE concept.key = finding.key AND NOT EXISTS { (mention)-[:MODIFY]->(:Mention) }
WITH study, extraction,
  count(CASE mention.label WHEN 'OBS-DP' THEN mention END) AS stated,
  count(CASE mention.label WHEN 'OBS-DA' THEN mention END) AS denied
WHERE stated > 0 AND denied > 0
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  stated,
  denied,
  extraction.extractor AS extractor
ORDER BY archive, study_id, extractor
LIMIT $limit
