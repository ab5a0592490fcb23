"""What each stage learns from: one file, one stage."""
