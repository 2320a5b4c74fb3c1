"""Rows worked on at a time, where the work is entry by entry."""

#: Rows of a chunk, so that temporaries stay in the processor's cache.
CHUNK_ROWS = 2**14


def row_chunks(n_rows):
    """Yield slices that cover the rows.

    :func:`sklearn.utils.gen_batches` does so, too, but checks its arguments each time,
    which takes longer than a chunk of a small correction.
    """
    for start in range(0, n_rows, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, n_rows))
