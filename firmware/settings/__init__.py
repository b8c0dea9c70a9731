"""What may be set on a node, and what is: tables that a board loads for each new version, and the store."""
