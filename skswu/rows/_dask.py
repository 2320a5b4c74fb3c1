"""Rows that are partitions of dask collections: with workers, or read in turn."""

from copy import copy
from itertools import count
from uuid import uuid4
from weakref import finalize

import numpy as np
from scipy.sparse import issparse

from ._brought import BroughtBlock
from ._chained import ChainedBlocks
from ._design import make_design, slices_of_blocks, view_of
from ._local import LocalBlocks
from ._noted_blocks import NotedBlocks, add, as_table

# Seconds between looks at whether the workers that are waited for still live.
_PATIENCE = 2.0


class WorkerLostError(RuntimeError):
    """A worker that held rows is gone."""


def aligned(X):
    """Return features that products can be made with where they are.

    What came from another process may begin at any byte, and each product would copy.
    """
    return X if issparse(X) else np.require(X, requirements=["C", "A"])


class WorkerRows:
    """The rows that one worker holds, an actor.

    Rows with other notes, see ``beside``, are told apart by a number.

    Parameters
    ----------
    partitions : list of tuple (X, noted)
        Features, None where there are no rows, and a dict of what is known of them.
    intercept : bool
        Whether a column of ones stands behind the features.
    """

    def __init__(self, partitions, intercept):
        self._sizes = [0 if X is None else X.shape[0] for X, _ in partitions]
        self._of_side = {
            0: ChainedBlocks(
                LocalBlocks(aligned(X), intercept, **known)
                for X, known in partitions
                if X is not None
            )
        }

    def sizes(self):
        """Return the number of rows of each partition; those of none are not held."""
        return self._sizes

    def reduce(self, side, calls):
        """Return the sums of what calls return."""
        return self._of_side[side].reduce(*calls)

    def kind(self, side, name):
        """Return leading shape and dtype of what is noted under a name, or None."""
        noted = self._of_side[side].parts[0].collect(name)
        return None if noted is None else (noted.shape[:-1], noted.dtype)

    def collect(self, side, name):
        """Return what is noted, by partitions."""
        return [part.collect(name) for part in self._of_side[side].parts]

    def part(self, side, name, position):
        """Return what is noted beside one partition, a copy."""
        return self._of_side[side].parts[position].collect(name).copy()

    def spread(self, side, name, values):
        """Note values, by partitions."""
        for part, own in zip(self._of_side[side].parts, values, strict=True):
            part.spread(name, np.array(own))

    def number(self, side, name, firsts):
        """Note the rows' positions; ``firsts`` are those of the partitions."""
        for part, first in zip(self._of_side[side].parts, firsts, strict=True):
            part.number(name, first)

    def forget(self, side, names):
        """Let go of what is noted under some names."""
        self._of_side[side].forget(*names)

    def beside(self, side, noted):
        """Keep the same rows with other notes under a new number."""
        parts = self._of_side[0].parts
        known = [
            {name: np.array(values[k]) for name, values in noted.items()}
            for k in _of(parts)
        ]
        self._of_side[side] = ChainedBlocks(
            part.beside(**own) for part, own in zip(parts, known, strict=True)
        )

    def apart(self, side, other, names, renamed):
        """Keep the rows of a number with the same notes under another number."""
        self._of_side[other] = self._of_side[side].apart(*names, **renamed)

    def leave(self, side):
        """Let go of rows with other notes."""
        self._of_side.pop(side, None)


def _of(parts):
    return range(len(parts))


class DaskBlocks:
    """Rows that lie with the workers of a dask cluster.

    A worker holds its partitions in an actor; a pass sends one message to each, and
    gets one back.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    partitions : list of Delayed
        Each a tuple of its features, an array or CSR matrix or None where it has no
        rows, and a dict of what is known of its rows.
    intercept : bool, default=True
        Whether a column of ones stands behind the features.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    sizes : list of int
        Number of rows of each partition.

    Raises
    ------
    WorkerLostError
        From any method, if a worker that held rows is gone.
    """

    def __init__(self, client, partitions, intercept=True):
        self._client = client
        self._side, self._sides = 0, count(1)
        self._token = uuid4().hex[:8]
        self._place(partitions, intercept)
        sizes = np.empty(len(partitions), dtype=np.intp)
        for held, of_worker in zip(self._held, self._ask("sizes"), strict=True):
            sizes[held] = of_worker
        self.sizes, self._sizes = sizes.tolist(), sizes[sizes > 0]
        self.n_rows = int(sizes.sum())
        self._leave_out_empty(sizes > 0)

    def _leave_out_empty(self, has_rows):
        """Number the partitions that have rows anew, and keep workers that hold any."""
        numbers = np.cumsum(has_rows) - 1
        held = [
            numbers[one][has_rows[one]].tolist() for one in map(np.array, self._held)
        ]
        some = [k for k, one in enumerate(held) if one]
        self._held = [held[k] for k in some]
        for name in ("_workers", "_futures", "_actors"):
            setattr(self, name, [getattr(self, name)[k] for k in some])

    def _place(self, partitions, intercept):
        """Have partitions read, and each worker hold those that it read."""
        from distributed import wait

        parts = self._client.compute(partitions)
        self._wait(wait, parts)
        where = self._client.who_has(parts)
        of_worker = {}
        for position, part in enumerate(parts):
            if part.status == "error":
                part.result()  # raises what went wrong
            if not where.get(part.key):
                raise _lost("one of them")
            of_worker.setdefault(where[part.key][0], []).append(position)
        self._workers, self._held = list(of_worker), list(of_worker.values())
        self._futures = [
            self._client.submit(
                WorkerRows,
                [parts[k] for k in held],
                intercept,
                actor=True,
                workers=[worker],
                allow_other_workers=False,
                key=f"skswu-rows-{self._token}-{number}",
            )
            for number, (worker, held) in enumerate(of_worker.items())
        ]
        self._actors = [self._answer(future) for future in self._futures]

    def _wait(self, wait, parts):
        """Wait until partitions are read, as long as there is a worker to read them."""
        while True:
            try:
                wait(parts, timeout=_PATIENCE)
                return
            except TimeoutError:
                if not self._living():
                    raise _lost("all of them") from None

    def _living(self):
        """Return the addresses of the workers that there are."""
        try:
            # Not scheduler_info: another refresh may leave the workers out of it.
            return set(self._client.nthreads())
        except OSError:
            return set()

    def _answer(self, reply):
        """Return a worker's answer; do not wait for one that is gone."""
        while True:
            try:
                return reply.result(timeout=_PATIENCE)
            except TimeoutError:
                self._check_workers()
            except Exception as error:
                self._check_workers(error)
                raise

    def _check_workers(self, error=None):
        """Insist that all workers that hold rows live."""
        gone = set(self._workers) - self._living()
        restarted = error is not None and type(error).__module__.startswith(
            ("distributed", "builtins")
        )
        if gone or (restarted and _is_loss(error)):
            raise _lost(", ".join(sorted(gone or self._workers))) from error

    def _ask(self, method, *given, each=None):
        """Return each worker's answer; ``each`` is what only that worker is told."""
        each = [()] * len(self._actors) if each is None else [(one,) for one in each]
        replies = [
            getattr(actor, method)(*given, *own)
            for actor, own in zip(self._actors, each, strict=True)
        ]
        return [self._answer(reply) for reply in replies]

    def reduce(self, *calls):
        """Return the sums of what calls return, over all blocks."""
        totals = [None] * len(calls)
        for sums in self._ask("reduce", self._side, calls):
            totals = list(map(add, totals, sums))
        return totals

    def __contains__(self, name):
        return self._kind(name) is not None

    def _kind(self, name):
        return self._answer(self._actors[0].kind(self._side, name))

    def collect(self, name):
        """Return what is noted beside all rows, brought to the client, or None."""
        if name not in self:
            return None
        parts = [None] * len(self._sizes)
        answers = self._ask("collect", self._side, name)
        for held, of_worker in zip(self._held, answers, strict=True):
            for position, part in zip(held, of_worker, strict=True):
                parts[position] = part
        return np.concatenate(parts, axis=-1)

    def hand_over(self, name):
        """Return what is noted as a dask array that stays with the workers."""
        import dask.array as da
        from distributed import wait

        shape, dtype = self._kind(name)
        chunks = [None] * len(self._sizes)
        for number, held in enumerate(self._held):
            for inner, position in enumerate(held):
                chunks[position] = self._client.submit(
                    _part,
                    self._futures[number],
                    self._side,
                    name,
                    inner,
                    workers=[self._workers[number]],
                    key=f"skswu-{name}-{self._token}-{self._side}-{position}",
                )
        self._wait(wait, chunks)
        return da.concatenate(
            [
                da.from_delayed(chunk, (*shape, int(size)), dtype)
                for chunk, size in zip(chunks, self._sizes, strict=True)
            ],
            axis=-1,
        )

    def spread(self, name, values):
        """Note values (..., n_rows) of the client beside the rows."""
        self._ask("spread", self._side, name, each=self._cut(values))

    def number(self, name):
        """Note the rows' positions."""
        firsts = np.cumsum(self._sizes) - self._sizes
        each = [firsts[held].tolist() for held in self._held]
        self._ask("number", self._side, name, each=each)

    def forget(self, *names):
        """Let go of what is noted under some names."""
        self._ask("forget", self._side, names)

    def beside(self, **noted):
        """Return the same rows with other notes, to be changed on their own."""
        rows = self._other_side()
        cut = {k: self._cut(v) for k, v in as_table(noted).items()}
        each = [
            {name: values[k] for name, values in cut.items()} for k in _of(self._held)
        ]
        self._ask("beside", rows._side, each=each)
        return rows

    def apart(self, *names, **renamed):
        """Return the same rows with the same notes, to be added to on their own."""
        rows = self._other_side()
        self._ask("apart", self._side, rows._side, names, renamed)
        return rows

    def _other_side(self):
        """Return the same rows under a number of its own, let go of with them."""
        rows = copy(self)
        rows._side = next(self._sides)
        finalize(rows, _leave, self._actors, rows._side)
        return rows

    def _cut(self, values):
        """Return the values of each worker's partitions."""
        parts = np.split(values, np.cumsum(self._sizes)[:-1], axis=-1)
        return [[parts[k] for k in held] for held in self._held]


def _part(actor, side, name, position):
    return actor.part(side, name, position).result()


def _leave(actors, side):
    for actor in actors:
        try:
            actor.leave(side)
        except Exception:
            continue  # what is gone has left


def _is_loss(error):
    return isinstance(error, OSError) or "actor" in str(error).lower()


def _lost(workers):
    return WorkerLostError(
        f"Workers that held rows are gone ({workers}), and what they knew of them with "
        "it. The estimator is as it was before the call; call again once there are "
        "workers. If they were killed for their memory: rows are held in memory, so "
        "give more workers, or smaller types."
    )


class UnheldBlocks(NotedBlocks):
    """The rows of a partition that is read anew for each pass; notes stay in memory.

    Parameters
    ----------
    read : callable
        Returns the features and a dict of what is known of the rows.
    intercept : bool
        Whether a column of ones stands behind the features.
    """

    def __init__(self, read, intercept):
        X, noted = read()
        self._read, self._intercept = read, intercept
        self.n_rows = 0 if X is None else X.shape[0]
        self._slices = list(slices_of_blocks(X, self.n_rows)) if self.n_rows else []
        self._table = as_table(noted)

    @property
    def blocks(self):
        """The blocks in order; the first that needs features has them read."""
        kept = []

        def design(rows):
            if not kept:
                kept.append(aligned(self._read()[0]))
            return make_design(view_of(kept[0], rows), self._intercept)

        for rows in self._slices:
            yield BroughtBlock(design, rows, self._table, self.n_rows)

    def beside(self, **noted):
        rows = copy(self)
        rows._table = as_table(noted)
        return rows


class PartitionsInTurn(ChainedBlocks):
    """Partitions of a dask collection that one process reads in turn.

    Parameters
    ----------
    parts : iterable of UnheldBlocks
        In order.

    Attributes
    ----------
    sizes : list of int
        Number of rows of each partition.
    """

    def __init__(self, parts):
        parts = list(parts)
        self.sizes = [part.n_rows for part in parts]
        super().__init__(part for part in parts if part.n_rows)

    def hand_over(self, name):
        """Return what is noted as a dask array."""
        import dask.array as da

        parts = [da.from_array(part.collect(name), -1) for part in self.parts]
        return da.concatenate(parts, axis=-1)


def hold_partitions(partitions, intercept):
    """Return the rows of partitions: with the workers of the client that there is.

    Parameters
    ----------
    partitions : list of Delayed
        See :class:`DaskBlocks`.
    intercept : bool
        Whether a column of ones stands behind the features.

    Returns
    -------
    DaskBlocks or PartitionsInTurn
        The latter where there is no client.
    """
    client = current_client()
    if client is not None:
        return DaskBlocks(client, partitions, intercept)
    return PartitionsInTurn(UnheldBlocks(one.compute, intercept) for one in partitions)


def current_client():
    """Return the distributed client that is in charge, or None."""
    try:
        from distributed import Client

        return Client.current()
    except (ImportError, ValueError):
        return None
