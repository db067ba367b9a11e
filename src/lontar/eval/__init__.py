"""Evaluation: tasks are YAML files, language is a dimension of a task, figures come with intervals."""
