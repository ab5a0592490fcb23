"""The two graph engines, Neo4j and ArcadeDB, behind one client."""
