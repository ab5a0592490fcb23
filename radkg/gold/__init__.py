"""What answers are measured against: Open-i's human codes, their filing, and annotated texts."""
