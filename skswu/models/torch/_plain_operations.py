"""Layers by plain operations, which torch can differentiate twice."""

from contextlib import ExitStack, contextmanager
from threading import RLock

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..._utils._compat_torch import eager, modules_of

_lock = RLock()
_n_inside = {}
_stacks = {}


@contextmanager
def plain_operations(net):
    """Compute layers of a net by plain operations while within.

    Fused kernels of attention and of recurrent layers have a first derivative alone,
    or none, and compiled code frees what a second one reads. The switches belong to the
    process: the first thread that asks sets them, the last one sets them back.

    Parameters
    ----------
    net : skorch net
        Whose modules are computed.
    """
    wanted = [_plain_attention, *([_plain_recurrence] if _has_cudnn_rnn(net) else [])]
    with ExitStack() as stack:
        for switch in wanted:
            stack.enter_context(_shared(switch))
        yield


@contextmanager
def _shared(switch):
    """Keep a context open for as long as any thread is within."""
    with _lock:
        if not _n_inside.get(switch):
            _stacks[switch] = ExitStack()
            _stacks[switch].enter_context(switch())
        _n_inside[switch] = _n_inside.get(switch, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _n_inside[switch] -= 1
            if not _n_inside[switch]:
                _stacks.pop(switch).close()


@contextmanager
def _plain_attention():
    """Attention as products and a softmax; no layer takes its fast path."""
    was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), eager():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fast)


@contextmanager
def _plain_recurrence():
    """Recurrent layers without cuDNN, which goes backward in training mode alone."""
    with torch.backends.cudnn.flags(enabled=False):
        yield


def _has_cudnn_rnn(net):
    """Say whether a net has recurrent layers that cuDNN would compute."""
    on_cuda = torch.device(net.device or "cpu").type == "cuda"
    return on_cuda and any(
        isinstance(layer, nn.RNNBase)
        for module in modules_of(net).values()
        for layer in module.modules()
    )
