"""Rad-ReStruct (Pellegrini et al., MICCAI 2023): structured reports of Open-i as 0/1 answers."""
