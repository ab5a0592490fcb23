// question: Where image and report were read, which of the two states that a finding is present?
// family: disagreement
// param finding: concept = effusion, name of the finding
// `of` are the studies read under image+report in which image or report states the finding.
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.extractor = found.extractor AND extraction.condition = 'image+report'
WITH study,
  max(CASE found.by_image WHEN 'OBS-DP' THEN 1 ELSE 0 END) AS by_image,
  max(CASE found.by_report WHEN 'OBS-DP' THEN 2 ELSE 0 END) AS by_report
WITH by_image + by_report AS place, count(study) AS studies
WITH collect({place: place, studies: studies}) AS rows, sum(studies) AS of
UNWIND rows AS row
RETURN
  ['image only', 'report only', 'both'][row.place - 1] AS stated_by,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY row.place DESC
