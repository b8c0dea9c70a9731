"""Releases of firmware for the nodes that are wired to the Pi: fetched, checked, handed on part by part."""
