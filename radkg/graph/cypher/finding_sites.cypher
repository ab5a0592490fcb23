// question: Where is a finding located, in the studies in which it is present?
// family: anatomy
// param finding: concept = effusion, name of the finding
// param limit: integer = 20, most rows to return
MATCH (finding:Concept {name: $finding, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WHERE found.sites IS NOT NULL
UNWIND found.sites AS site
WITH site, of, count(DISTINCT study) AS studies
RETURN
  site,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, site
LIMIT $limit
