// question: In which sections of the reports is a finding mentioned?
// family: quality
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})<-[:HAS_FINDING]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[found:HAS_FINDING]-(study:Study)
UNWIND found.sections AS section
WITH section, of, count(DISTINCT study) AS studies
RETURN
  section,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, section
LIMIT $limit
