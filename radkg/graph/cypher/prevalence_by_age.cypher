// question: How does the prevalence of a finding differ between age groups? 90 stands for all who are older.
// family: subgroup
// param finding: concept = effusion, name of the finding
// param width: integer = 10, years that one group spans
// param limit: integer = 100, most rows to return
// corrected: $finding
// The oldest are a group of their own, for they are of no age; those of unknown age come last.
WITH CASE WHEN $width > 0 THEN $width ELSE 1 END AS width
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH width,
  CASE WHEN study.age < 90 THEN study.age / width * width ELSE coalesce(study.age, -1) END AS least,
  count(DISTINCT study) AS of
WITH width, collect({least: least, of: of}) AS groups
OPTIONAL MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
WITH width, groups, collect(DISTINCT study) AS cohort
UNWIND groups AS row
WITH width, row.least AS least, row.of AS of,
  size([
    study IN cohort
    WHERE row.least = CASE
      WHEN study.age < 90 THEN study.age / width * width
      ELSE coalesce(study.age, -1)
    END
  ]) AS studies
WITH CASE WHEN least >= 0 THEN least END AS age_from,
  CASE
    WHEN least < 0 OR least = 90 THEN null
    WHEN least + width > 90 THEN 89
    ELSE least + width - 1
  END AS age_to,
  studies, of
RETURN
  age_from,
  age_to,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY age_from IS NULL, age_from
LIMIT $limit
