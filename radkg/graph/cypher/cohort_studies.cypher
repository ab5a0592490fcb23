// question: Which studies with a finding are without another?
// family: cohorts
// param finding: concept = effusion, name of the finding that is present
// param without: concept = edema, name of the finding that is neither present nor uncertain
// param limit: integer = 1000, most rows to return
MATCH (concept:Concept {kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE concept.name IN [$finding, $without] AND found.label IN ['OBS-DP', 'OBS-U']
WITH study,
  max(CASE WHEN concept.name = $finding AND found.label = 'OBS-DP' THEN 1 ELSE 0 END) AS is_in,
  max(CASE WHEN concept.name = $without THEN 1 ELSE 0 END) AS is_out
WHERE is_in = 1 AND is_out = 0
MATCH (patient:Patient)-[:HAS_STUDY]->(study)
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  patient.subject_id AS subject_id,
  study.study_date AS study_date
ORDER BY archive, study_id
LIMIT $limit
