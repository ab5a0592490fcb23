// question: In which studies do two extractors say different things of a finding?
// family: disagreement
// param finding: concept = effusion, name of the finding
// param limit: integer = 1000, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})<-[:HAS_FINDING]-(study:Study)
WITH DISTINCT finding, study
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH finding, study, collect(extraction.extractor) AS readers
WHERE size(readers) > 1
MATCH (study)-[found:HAS_FINDING]->(other:Concept)
WHERE other.key = finding.key
WITH study, readers, collect({extractor: found.extractor, label: found.label}) AS said
UNWIND readers AS extractor
WITH study, extractor, [each IN said WHERE each.extractor = extractor | each.label] AS labels
WITH study, extractor, CASE
  WHEN 'OBS-DP' IN labels THEN 'present'
  WHEN 'OBS-U' IN labels THEN 'uncertain'
  WHEN 'OBS-DA' IN labels THEN 'absent'
  ELSE 'not mentioned'
END AS certainty
WITH study, collect({extractor: extractor, certainty: certainty}) AS readers
UNWIND readers AS reader
UNWIND readers AS other
WITH study, reader, other
WHERE other.extractor > reader.extractor AND other.certainty <> reader.certainty
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  reader.extractor AS extractor,
  reader.certainty AS certainty,
  other.extractor AS other_extractor,
  other.certainty AS other_certainty
ORDER BY archive, study_id, extractor, other_extractor
LIMIT $limit
