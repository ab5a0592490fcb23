// question: How does the prevalence of a finding differ between archives?
// family: subgroup
// param finding: concept = effusion, name of the finding
// param limit: integer = 100, most rows to return
// corrected: $finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH study.archive AS archive, count(DISTINCT study) AS of
WITH collect({archive: archive, of: of}) AS archives
OPTIONAL MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
WITH archives, collect(DISTINCT study) AS cohort
UNWIND archives AS row
WITH row.archive AS archive, row.of AS of,
  size([study IN cohort WHERE study.archive = row.archive]) AS studies
RETURN
  archive,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY archive
LIMIT $limit
