// no load of an older radkg has left sums of findings; and an older radkg, which would not keep them, is refused
MATCH (l:Load) WHERE l.sums IS NULL SET l.sums = 0;
