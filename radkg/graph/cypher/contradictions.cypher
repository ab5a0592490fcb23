// question: Which findings do extractions both state and deny within one study?
// family: quality
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// Findings and impression may differ, and so may two places of one finding: look at the studies
// (contradicting_studies) before you call it an error. `of` are the studies in which it is present.
// Only what is mentioned twice can be contradicted, and that is seldom: it is where this starts.
MATCH (finding:Concept {kind: 'observation'})<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WHERE NOT finding.name IN [name IN split($ignore, ',') | trim(name)]
WITH finding, count(DISTINCT study) AS of,
  collect(CASE WHEN found.mentions > 1 THEN {study: study, extractor: found.extractor} END) AS twice
UNWIND twice AS each
WITH finding, of, each.study AS study, each.extractor AS extractor
MATCH (study)-[:HAS_EXTRACTION]->(extraction:Extraction)-[:HAS_MENTION]->(mention:Mention)
WHERE extraction.extractor = extractor AND mention.label = 'OBS-DA'
MATCH (mention)-[:OF]->(denied:Concept)
WHERE denied.key = finding.key AND NOT (mention)-[:MODIFY]->()
WITH finding.name AS finding, of, count(DISTINCT study) AS studies
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit

// from sums
MATCH (:Load)-[counts:COUNTS]->(concept:Concept)
WITH concept.name AS finding, sum(counts.contradicted) AS studies, sum(counts.present) AS of
WHERE studies > 0 AND NOT finding IN [name IN split($ignore, ',') | trim(name)]
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
