// question: Which findings do extractions both state and deny within one study?
// family: quality
// param ignore: string = normal,clear,unremarkable,intact,midline,symmetric,stable,unchanged, names to leave out
// param limit: integer = 20, most rows to return
// Findings and impression may differ, and so may two places of one finding: look at the studies
// (contradicting_studies) before you call it an error. `of` are the studies in which it is present.
MATCH (finding:Concept {kind: 'observation'})<-[found:HAS_FINDING {label: 'OBS-DP'}]-(study:Study)
WHERE NOT finding.name IN [name IN split($ignore, ',') | trim(name)]
WITH finding, count(DISTINCT study) AS of
MATCH (finding)<-[:OF]-(mention:Mention {label: 'OBS-DA'})
WHERE NOT EXISTS { (mention)-[:MODIFY]->(:Mention) }
MATCH (mention)<-[:HAS_MENTION]-(extraction:Extraction)<-[:HAS_EXTRACTION]-(study:Study)
MATCH (study)-[found:HAS_FINDING {label: 'OBS-DP'}]->(stated:Concept)
WHERE stated.key = finding.key AND found.extractor = extraction.extractor
WITH finding.name AS finding, of, count(DISTINCT study) AS studies
RETURN
  finding,
  studies,
  of,
  toFloat(studies) / of AS rate
ORDER BY studies DESC, finding
LIMIT $limit
