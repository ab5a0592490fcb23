// question: What does a patient's next study say of a finding that is present? Dated studies only.
// family: courses
// param finding: concept = effusion, name of the finding
// Absent is stated: the finding is resolved. Not mentioned is no statement. `of` are the studies in
// which the finding is present and that a study of the patient follows that was read, on a later day.
CALL {
  MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
  WHERE extraction.status = 'ok' AND study.study_date IS NOT NULL
  RETURN patient, study, 1 AS label
  UNION ALL
  MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
  WHERE study.study_date IS NOT NULL
  MATCH (study)<-[:HAS_STUDY]-(patient:Patient)
  RETURN patient, study,
    CASE found.label WHEN 'OBS-DP' THEN 4 WHEN 'OBS-U' THEN 3 ELSE 2 END AS label
}
WITH patient, study, max(label) AS label
WITH patient, max(label) AS strongest,
  collect({day: study.study_date, key: study.key, label: label}) AS steps
WHERE strongest = 4 AND size(steps) > 1
UNWIND steps AS step
WITH step, steps
WHERE step.label = 4
WITH reduce(next = null, other IN steps | CASE
  WHEN NOT other.day > step.day THEN next
  WHEN next IS NULL OR other.day < next.day THEN other
  WHEN other.day = next.day AND other.key < next.key THEN other
  ELSE next
END) AS next
WHERE next IS NOT NULL
WITH next.label AS label, count(next) AS studies
WITH collect({label: label, studies: studies}) AS rows, sum(studies) AS of
UNWIND rows AS row
RETURN
  ['not mentioned', 'absent', 'uncertain', 'present'][row.label - 1] AS next_study,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY row.label DESC
