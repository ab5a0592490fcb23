"""What a record is: as an object (records), as a table (arrow), as RadGraph JSON (radgraph)."""
