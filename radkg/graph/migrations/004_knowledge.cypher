// unique keys and indexes of tables of relations from elsewhere
CREATE CONSTRAINT IF NOT EXISTS FOR (n:Knowledge) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT IF NOT EXISTS FOR (n:KnowledgeLoad) REQUIRE n.key IS UNIQUE;
CREATE INDEX IF NOT EXISTS FOR (n:Knowledge) ON (n.name);
CREATE INDEX IF NOT EXISTS FOR (n:Knowledge) ON (n.code);
CREATE INDEX IF NOT EXISTS FOR (n:Knowledge) ON (n.table);
