// unique keys of the locks of writers that go side by side
CREATE CONSTRAINT IF NOT EXISTS FOR (n:Lock) REQUIRE n.key IS UNIQUE;
