"""Replay: what a receiver sent once, or a GPX track, goes through a pty into the real agent."""
