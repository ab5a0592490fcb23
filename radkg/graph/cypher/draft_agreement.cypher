// question: Which findings do draft and report both state as present, and which one of them alone?
// family: drafts
// param status: string = verified, status of the drafts: verified, unverified or all
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// A draft is written from the image and is no fact. `studies` are those in which both state the
// finding, `of` those in which one or both do, of the studies that have a draft and a report.
MATCH (draft:Draft)
WHERE draft.status = $status
  OR ($status = 'all' AND draft.status IN ['verified', 'unverified'])
WITH draft, draft.reporter AS reporter
MATCH (draft)<-[:HAS_DRAFT]-(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok' AND extraction.condition <> 'image'
WITH DISTINCT draft, reporter, study
WITH reporter,
  [(draft)-[:CLAIMS]->(claim:Claim) WHERE claim.polarity = 'present' | claim.finding] AS drafted,
  [(study)-[found:HAS_FINDING]->(concept:Concept) WHERE found.by_report = 'OBS-DP'
    | concept.name] AS reported
WITH reporter, drafted, reported,
  reduce(names = [], name IN drafted + reported
    | CASE WHEN name IN names THEN names ELSE names + name END) AS names
UNWIND names AS finding
WITH reporter, finding,
  sum(CASE WHEN finding IN drafted AND finding IN reported THEN 1 ELSE 0 END) AS studies,
  sum(CASE WHEN finding IN reported THEN 0 ELSE 1 END) AS draft_only,
  sum(CASE WHEN finding IN drafted THEN 0 ELSE 1 END) AS report_only,
  count(*) AS of
WHERE NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  reporter,
  finding,
  studies,
  draft_only,
  report_only,
  of,
  toFloat(studies) / of AS rate
ORDER BY of DESC, reporter, finding
LIMIT $limit
