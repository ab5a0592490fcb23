// question: Which entities were found in a study, in the order of its report?
// family: quality
// param study_id: string, the study
// param limit: integer = 1000, most rows to return
MATCH (study:Study {study_id: $study_id})-[:HAS_EXTRACTION]->(extraction:Extraction)
MATCH (extraction)-[:HAS_MENTION]->(mention:Mention)-[:OF]->(concept:Concept)
RETURN
  mention.text AS text,
  mention.label AS label,
  concept.name AS concept,
  mention.section AS section,
  mention.`start` AS start_offset,
  mention.`end` AS end_offset,
  mention.source AS source,
  mention.confidence AS confidence,
  extraction.extractor AS extractor,
  study.archive AS archive
ORDER BY archive, extractor, mention.ordinal
LIMIT $limit
