"""What is deployed, checked as far as that goes without an engine."""
