"""The user's copy of SEA-HELM as a task pack: reading a checkout or a specification, its rows, its data sets."""
