"""Models in the forms other programs load, and the card that goes with them."""

from lontar.export.config import CardConfig, GgufConfig, SafetensorsConfig
from lontar.export.stages import gguf, safetensors, write_card

__all__ = ["CardConfig", "GgufConfig", "SafetensorsConfig", "gguf", "safetensors", "write_card"]
