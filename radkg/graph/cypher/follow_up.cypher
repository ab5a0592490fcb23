// question: What does a patient's next study say of a finding that is present? Dated studies only.
// family: courses
// param finding: concept = effusion, name of the finding
// Absent is stated: the finding is resolved. Not mentioned is no statement. `of` are the studies in
// which the finding is present and that a study of the patient follows that was read, on a later day.
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP' AND study.study_date IS NOT NULL
WITH DISTINCT study
MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
MATCH (patient)-[:HAS_STUDY]->(later:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE later.study_date > study.study_date AND extraction.status IN ['ok', 'empty']
WITH DISTINCT study, later
ORDER BY later.study_date, later.key
WITH study, head(collect(later)) AS next
OPTIONAL MATCH (next)-[found:HAS_FINDING]->(finding:Concept)
WHERE finding.name = $finding AND finding.kind = 'observation'
WITH study, max(CASE found.label
  WHEN 'OBS-DP' THEN 4
  WHEN 'OBS-U' THEN 3
  WHEN 'OBS-DA' THEN 2
  ELSE 1
END) AS label
WITH label, count(study) AS studies
WITH collect({label: label, studies: studies}) AS rows, sum(studies) AS of
UNWIND rows AS row
RETURN
  ['not mentioned', 'absent', 'uncertain', 'present'][row.label - 1] AS next_study,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY row.label DESC
