"""Models in the forms other programs load."""

from lontar.export.config import SafetensorsConfig
from lontar.export.stages import safetensors

__all__ = ["SafetensorsConfig", "safetensors"]
