"""Training: stages `train.pretrain` and `train.cpt`, and the parts they are made of."""

from lontar.train.config import CptConfig, PretrainConfig
from lontar.train.stages import cpt, pretrain

__all__ = ["CptConfig", "PretrainConfig", "cpt", "pretrain"]
