"""The command line: commands made from stages, and the verbs that look at artifacts."""
