"""Pages for people: the report of a run, and the comparison of evaluations. One file, no requests, no scripts."""
