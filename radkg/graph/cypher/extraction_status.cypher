// question: How many studies were read, were empty or failed, by archive and extractor?
// family: quality
// param limit: integer = 100, most rows to return
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WITH study.archive AS archive, extraction.extractor AS extractor,
  count(CASE extraction.status WHEN 'ok' THEN study END) AS ok,
  count(CASE extraction.status WHEN 'empty' THEN study END) AS empty,
  count(CASE extraction.status WHEN 'failed' THEN study END) AS failed,
  count(study) AS of
UNWIND [
  {place: 1, status: 'ok', studies: ok},
  {place: 2, status: 'empty', studies: empty},
  {place: 3, status: 'failed', studies: failed}
] AS row
RETURN
  archive,
  extractor,
  row.status AS status,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY archive, extractor, row.place
LIMIT $limit
