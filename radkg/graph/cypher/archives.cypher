// question: What is in the graph: patients, studies and dates of each archive?
// family: quality
// param limit: integer = 100, most rows to return
MATCH (patient:Patient)-[:HAS_STUDY]->(study:Study)
RETURN
  study.archive AS archive,
  count(DISTINCT patient) AS patients,
  count(DISTINCT study) AS studies,
  count(study.study_date) AS dated,
  min(study.study_date) AS first_date,
  max(study.study_date) AS last_date
ORDER BY archive
LIMIT $limit
