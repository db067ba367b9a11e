"""Artifacts, stages, recipes, registries and config: everything that knows nothing about language models."""
