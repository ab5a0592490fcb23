// question: How many entities does an extraction of a study hold?
// family: quality
// param width: integer = 5, entities that one row spans
// param limit: integer = 100, most rows to return
MATCH (extraction:Extraction)
WHERE extraction.status IN ['ok', 'empty']
WITH extraction, COUNT { (extraction)-[:HAS_MENTION]->() } AS mentions,
  CASE WHEN $width > 0 THEN $width ELSE 1 END AS width
WITH mentions / width * width AS least, width, count(extraction) AS extractions
WITH collect({least: least, width: width, extractions: extractions}) AS rows, sum(extractions) AS of
UNWIND rows AS row
RETURN
  row.least AS entities_from,
  row.least + row.width - 1 AS entities_to,
  row.extractions AS extractions,
  of,
  toFloat(row.extractions) / of AS rate
ORDER BY entities_from
LIMIT $limit
