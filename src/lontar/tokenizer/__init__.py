"""Tokenizers: extend a base's own vocabulary, give the model rows for it, prove that every loader agrees."""
