"""Results in the forms of others: tables, the official layout, the samples of lm-evaluation-harness."""
