// question: Which devices and traces of surgery are present, and in how many studies?
// family: devices
// param limit: integer = 40, most rows to return
// corrected: finding
MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok'
WITH count(DISTINCT study) AS of
UNWIND [
  {kind: 'device', names: ['device', 'implanted device', 'implants', 'pacemaker', 'catheter',
    'line', 'tube', 'lead', 'leads', 'stent', 'stents', 'clip', 'clips', 'wire', 'wires', 'sutures',
    'hardware', 'prosthesis', 'surgical instruments', 'foreign body']},
  {kind: 'surgery', names: ['postsurgical changes', 'postoperative', 'sternotomy', 'mastectomy',
    'pneumonectomy', 'lobectomy', 'cholecystectomy', 'fusion', 'colonic interposition']}
] AS family
UNWIND family.names AS name
MATCH (finding:Concept {name: name, kind: 'observation'})
MATCH (finding)<-[:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WITH of, family.kind AS kind, name AS finding, count(DISTINCT study) AS studies
RETURN
  finding,
  kind,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
