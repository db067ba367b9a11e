"""Training: stages `train.pretrain`, `train.cpt` and `train.sft`, and the parts they are made of."""

from lontar.train.config import CptConfig, PretrainConfig, SftConfig
from lontar.train.stages import cpt, pretrain, sft

__all__ = ["CptConfig", "PretrainConfig", "SftConfig", "cpt", "pretrain", "sft"]
