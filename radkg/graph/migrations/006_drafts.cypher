// unique keys of drafts and of their loads, and an index of what drafts claim
CREATE CONSTRAINT IF NOT EXISTS FOR (n:Draft) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT IF NOT EXISTS FOR (n:DraftLoad) REQUIRE n.key IS UNIQUE;
CREATE INDEX IF NOT EXISTS FOR (n:Claim) ON (n.finding);
