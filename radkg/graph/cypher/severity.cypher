// question: How severe is a finding where it is present? A study counts with its strongest word.
// family: severity
// param finding: concept = effusion, name of the finding
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
UNWIND coalesce(found.modifiers, ['']) AS word
WITH study, max(CASE
  WHEN word IN ['severe', 'large', 'marked', 'massive', 'extensive', 'gross'] THEN 3
  WHEN word IN ['moderate', 'medium'] THEN 2
  WHEN word IN ['mild', 'small', 'minimal', 'trace', 'tiny', 'slight', 'borderline'] THEN 1
  ELSE 0
END) AS place
WITH place, count(study) AS studies
WITH collect({place: place, studies: studies}) AS rows, sum(studies) AS of
UNWIND rows AS row
RETURN
  ['not stated', 'mild', 'moderate', 'severe'][row.place] AS severity,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY row.place
