"""Private names of torch and skorch, imported nowhere else."""

from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

__all__ = ["BatchNorm"]
