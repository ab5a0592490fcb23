// what a load to its end writes down and the first radkg did not: format and last_complete
MATCH (l:Load {complete: true}) WHERE l.format IS NULL SET l.format = 1;
MATCH (l:Load {complete: true}) WHERE l.last_complete IS NULL SET l.last_complete = l.snapshot_id;
