// question: How does the prevalence of a finding differ between view positions? A study counts for each of its views.
// family: subgroup
// param finding: concept = effusion, name of the finding
// param limit: integer = 100, most rows to return
// corrected: $finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH DISTINCT study
UNWIND coalesce(study.view_positions, ['unknown']) AS view_position
WITH view_position, count(study) AS of
WITH collect({view_position: view_position, of: of}) AS groups
OPTIONAL MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
WITH groups, collect(DISTINCT study) AS cohort
UNWIND groups AS row
WITH row.view_position AS view_position, row.of AS of,
  size([
    study IN cohort WHERE row.view_position IN coalesce(study.view_positions, ['unknown'])
  ]) AS studies
RETURN
  view_position,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY view_position
LIMIT $limit
