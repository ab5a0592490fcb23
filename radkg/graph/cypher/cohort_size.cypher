// question: How many of the studies with a finding are without another?
// family: cohorts
// param finding: concept = effusion, name of the finding that is present
// param without: concept = edema, name of the finding that is neither present nor uncertain
MATCH (concept:Concept {kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE concept.name IN [$finding, $without] AND found.label IN ['OBS-DP', 'OBS-U']
WITH study,
  max(CASE WHEN concept.name = $finding AND found.label = 'OBS-DP' THEN 1 ELSE 0 END) AS is_in,
  max(CASE WHEN concept.name = $without THEN 1 ELSE 0 END) AS is_out
MATCH (patient:Patient)-[:HAS_STUDY]->(study)
WHERE is_in = 1
WITH
  count(DISTINCT CASE is_out WHEN 0 THEN patient END) AS patients,
  count(CASE is_out WHEN 0 THEN study END) AS studies,
  count(study) AS of
RETURN
  patients,
  studies,
  of,
  CASE WHEN of > 0 THEN toFloat(studies) / of END AS rate
ORDER BY studies
