"""Documents that people read and write, YAML, JSON and CSV ↔ the domain's values."""
