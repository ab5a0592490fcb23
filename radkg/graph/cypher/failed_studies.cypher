// question: Which studies failed, and why?
// family: quality
// param limit: integer = 100, most rows to return
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction {status: 'failed'})
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  extraction.extractor AS extractor,
  extraction.reason AS reason
ORDER BY archive, study_id, extractor
LIMIT $limit
