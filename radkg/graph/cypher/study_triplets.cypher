// question: Which triplets were extracted from a study?
// family: quality
// param study_id: string, the study
// param limit: integer = 1000, most rows to return
MATCH (study:Study {study_id: $study_id})-[:HAS_EXTRACTION]->(extraction:Extraction)
MATCH (extraction)-[:HAS_MENTION]->(from:Mention)
MATCH (from)-[link:MODIFY|LOCATED_AT|SUGGESTIVE_OF]->(to:Mention)
RETURN
  from.text AS head,
  toLower(type(link)) AS relation,
  to.text AS tail,
  from.label AS head_label,
  to.label AS tail_label,
  from.section AS section,
  link.confidence AS confidence,
  extraction.extractor AS extractor,
  study.archive AS archive
ORDER BY archive, extractor, from.ordinal, to.ordinal, relation
LIMIT $limit
