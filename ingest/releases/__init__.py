"""Releases of firmware: taken from their file, laid on the broker part by part, followed unit by unit."""
