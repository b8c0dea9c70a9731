"""The ledger: what the service has to know exactly, in one SQLite file, a file of functions per noun.

Marks, runs and gaps say what is stored of each unit's lanes. Units, last values, live state, payloads set
aside and counters are what people ask for. The history's chunks lie in the same file by default, so that a
group of batches is one transaction: either all of it is true or nothing.

Only one connection writes the file, and it also checkpoints: SQLite 3.7.0 to 3.51.2 may corrupt a WAL file
when two connections write or checkpoint at once. So a lock beside the file keeps a second service away,
readers open it read-only, and keys and sessions, which `ortoo-ingest key add` writes while the service
runs, live in a small file of their own with a rollback journal (`access`).

Every function takes the connection first and leaves the transaction to its caller.
"""
