// question: Why did extractions fail, and how often?
// family: quality
// param limit: integer = 20, most rows to return
MATCH (extraction:Extraction)
WITH count(extraction) AS of
MATCH (failed:Extraction {status: 'failed'})
WITH coalesce(failed.reason, 'unknown') AS reason, of, count(failed) AS extractions
RETURN
  reason,
  extractions,
  of,
  toFloat(extractions) / of AS rate
ORDER BY extractions DESC, reason
LIMIT $limit
