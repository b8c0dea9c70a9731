"""Books: what the fleet's records say of copies and loans, and how the library's own system learns of it."""
