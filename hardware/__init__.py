"""The hardware as text: sources that a person edits, and what is made of them (python -m hardware)."""
