// question: Which extractor and model read how many of the studies of each archive, and from what?
// family: quality
// param limit: integer = 100, most rows to return
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WITH study.archive AS archive, extraction.extractor AS extractor, extraction.model_id AS model_id,
  extraction.condition AS condition, extraction.radkg_version AS radkg_version,
  count(CASE WHEN extraction.status = 'ok' THEN study END) AS studies,
  count(study) AS of
RETURN
  archive,
  extractor,
  model_id,
  condition,
  radkg_version,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY archive, extractor, model_id, condition, radkg_version
LIMIT $limit
