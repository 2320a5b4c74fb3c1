"""Random numbers of the processor and of the device that a net is on."""

from contextlib import contextmanager

import torch


@contextmanager
def own_random_numbers(device, seed, states):
    """Draw from a stream of its own while within, and leave the global ones alone.

    Parameters
    ----------
    device : torch.device
        Where dropout and the like draw, beside the processor.
    seed : int
        Where the stream starts.
    states : list
        Where it stands; empty at first, and changed in place.
    """
    generators = _generators(device)
    before = [read() for read, *_ in generators]
    if states:
        _write(generators, states)
    else:
        for *_, start in generators:
            start(seed)
    try:
        yield
        states[:] = [read() for read, *_ in generators]
    finally:
        _write(generators, before)


def _write(generators, states):
    for (_, write, _), state in zip(generators, states, strict=True):
        write(state)


def _generators(device):
    """Return functions that read, write and start each generator."""
    start = torch.default_generator.manual_seed
    generators = [(torch.get_rng_state, torch.set_rng_state, start)]
    if device.type == "cuda":
        generators.append(
            (
                lambda: torch.cuda.get_rng_state(device),
                lambda state: torch.cuda.set_rng_state(state, device),
                lambda seed: _start_cuda(device, seed),
            )
        )
    if device.type == "mps":
        mps = torch.mps
        generators.append((mps.get_rng_state, mps.set_rng_state, mps.manual_seed))
    return generators


def _start_cuda(device, seed):
    with torch.cuda.device(device):
        torch.cuda.manual_seed(seed)
