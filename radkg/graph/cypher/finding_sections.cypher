// question: In which sections of the reports is a finding mentioned?
// family: quality
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})<-[:HAS_FINDING]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[:OF]-(mention:Mention)
WHERE NOT (mention)-[:MODIFY]->()
MATCH (mention)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
WITH coalesce(mention.section, 'none') AS section, of, count(DISTINCT study) AS studies
RETURN
  section,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, section
LIMIT $limit
