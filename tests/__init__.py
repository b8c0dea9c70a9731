"""Tests follow the tree; tests/fixtures holds the real parts, tests/bench the measurements."""
