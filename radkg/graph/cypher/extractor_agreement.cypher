// question: Where two extractors read the same study, how often do they say the same of a finding?
// family: disagreement
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
// The same: present, uncertain, absent. `of` are the studies that both have read and of which one
// or both mention the finding; what only one mentions is no agreement.
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
UNWIND [reader IN readers WHERE reader > extractor] AS other_extractor
WITH extractor, other_extractor,
  [each IN said WHERE each.extractor = extractor | each.label] AS labels,
  [each IN said WHERE each.extractor = other_extractor | each.label] AS other_labels
WHERE size(labels) + size(other_labels) > 0
WITH extractor, other_extractor,
  sum(CASE WHEN labels = other_labels THEN 1 ELSE 0 END) AS studies,
  count(*) AS of
RETURN
  extractor,
  other_extractor,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY of DESC, extractor, other_extractor
LIMIT $limit
