"""How much memory passes over rows may take, and when there was not enough."""

import torch
from sklearn import get_config

# Of the budget: what the graph of one batch may save, what kept graphs may, and what
# collated rows of a data set may. A pass that is differentiated twice takes several
# times what the forward pass saves.
_BATCH_SHARE = 1 / 32
_KEPT_SHARE = 1 / 4
_DATA_SHARE = 1 / 4
# What frozen layers make of rows.
_CONSTANTS_SHARE = 1 / 8
# And what the basis of a solver may.
_BASIS_SHARE = 1 / 16
# Of what a GPU has free.
_GPU_SHARE = 0.25
# Rows of the larger of two passes that tell what a row takes.
PROBED_ROWS = 12


def batch_bytes(device):
    """Return what the graph of one batch may save."""
    return int(_BATCH_SHARE * _budget(device))


def kept_bytes(device):
    """Return what all graphs may save that are kept between products."""
    if device.type == "cuda":
        return int(_GPU_SHARE * _free_on(device))
    return int(_KEPT_SHARE * _budget(device))


def constants_bytes(device):
    """Return what the outputs of frozen layers may take, of all rows."""
    return int(_CONSTANTS_SHARE * _budget(device))


def basis_bytes(device):
    """Return what the vectors may take that a solver keeps."""
    return int(_BASIS_SHARE * _budget(device))


def data_bytes():
    """Return what the rows of a data set may take, once they are collated."""
    return int(_DATA_SHARE * _working_memory())


def saved_bytes(function, *args):
    """Return the bytes that the graph of ``function(*args)`` saves to differentiate."""
    saved = {}

    def note(tensor):
        if tensor.layout == torch.strided:
            saved[tensor.data_ptr()] = tensor.nbytes
        # The tensor itself would hold the graph that holds it: a cycle that Python
        # does not see, and memory that is never given back.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        function(*args)
    return sum(saved.values())


def saved_bytes_per_row(function, batch):
    """Return what each further row of a batch adds to what a graph saves.

    Parameters
    ----------
    function : callable
        ``function(batch)`` makes the graph.
    batch : Batch
        Of which some rows are tried.
    """
    few, more = (min(n, len(batch)) for n in (PROBED_ROWS // 3, PROBED_ROWS))
    if few == more:
        return saved_bytes(function, batch) / len(batch)
    added = [saved_bytes(function, batch.part(0, n)) for n in (few, more)]
    return max(added[1] - added[0], 0) / (more - few)


def is_out_of_memory(error):
    """Say whether an error tells that there was not enough memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # Torch has no class for it on a processor.
    told = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in told or "not enough memory" in told
    )


def _budget(device):
    return _free_on(device) if device.type == "cuda" else _working_memory()


def _working_memory():
    return get_config()["working_memory"] * 2**20


def _free_on(device):
    free = torch.cuda.mem_get_info(device)[0]
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + cached
