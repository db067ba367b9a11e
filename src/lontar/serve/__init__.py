"""A model over an OpenAI-compatible HTTP interface."""

from lontar.serve.server import serve
from lontar.serve.service import Limits

__all__ = ["Limits", "serve"]
