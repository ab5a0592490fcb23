// question: On which side is a finding where it is present? Left and right in a study: both sides.
// family: anatomy
// param finding: concept = effusion, name of the finding
// A side is a site of the finding, a word of its site ("right" of "right base") or its own word.
MATCH (:Concept {name: $finding, kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)
WHERE found.label = 'OBS-DP'
WITH study, coalesce(found.modifiers, []) + coalesce(found.sites, [])
  + coalesce(found.site_modifiers, []) AS words
WITH study,
  max(CASE WHEN 'left' IN words OR 'bilateral' IN words THEN 1 ELSE 0 END) AS is_left,
  max(CASE WHEN 'right' IN words OR 'bilateral' IN words THEN 2 ELSE 0 END) AS is_right
WITH is_left + is_right AS place, count(study) AS studies
WITH collect({place: place, studies: studies}) AS rows, sum(studies) AS of
UNWIND rows AS row
RETURN
  ['not stated', 'left', 'right', 'both sides'][row.place] AS side,
  row.studies AS studies,
  of,
  toFloat(row.studies) / of AS rate
ORDER BY row.place
