// question: With which words is a finding described, in the studies in which it is present?
// family: severity
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WHERE found.modifiers IS NOT NULL
UNWIND found.modifiers AS modifier
WITH modifier, of, count(DISTINCT study) AS studies
RETURN
  modifier,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, modifier
LIMIT $limit
