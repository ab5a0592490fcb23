// question: Which findings does a draft claim that the report of its study does not state as present?
// family: drafts
// param finding: concept = none, name of the finding, or none for all
// param status: string = verified, status of the drafts: verified, unverified or all
// param least: float = 0.5, confidence that the claim has at least, from 0 to 1
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 100, most rows to return
// A draft is written from the image and is no fact: each row is to be looked at by a person.
MATCH (claim:Claim)
WHERE claim.polarity = 'present' AND claim.confidence >= $least
  AND ($finding IS NULL OR claim.finding = $finding)
  AND NOT claim.finding IN [name IN split($ignore, ',') | trim(name)]
MATCH (claim)<-[:CLAIMS]-(draft:Draft)
WHERE draft.status = $status
  OR ($status = 'all' AND draft.status IN ['verified', 'unverified'])
MATCH (draft)<-[:HAS_DRAFT]-(study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)
WHERE extraction.status = 'ok' AND extraction.condition <> 'image'
WITH DISTINCT claim, draft, study
WITH claim, draft, study,
  [(study)-[found:HAS_FINDING]->(concept:Concept) WHERE concept.name = claim.finding
    | coalesce(found.by_report, '')] AS labels
WHERE NOT 'OBS-DP' IN labels
WITH claim, draft, study,
  CASE WHEN 'OBS-U' IN labels THEN 2 WHEN 'OBS-DA' IN labels THEN 1 ELSE 0 END AS by_report
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  claim.finding AS claimed,
  claim.site AS site,
  claim.side AS side,
  claim.degree AS degree,
  claim.confidence AS confidence,
  ['not mentioned', 'absent', 'uncertain'][by_report] AS report_says,
  draft.reporter AS reporter
ORDER BY confidence DESC, archive, study_id, reporter, claimed,
  coalesce(site, ''), coalesce(side, ''), coalesce(degree, '')
LIMIT $limit
