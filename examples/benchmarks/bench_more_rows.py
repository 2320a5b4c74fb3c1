"""What corrections of more rows than memory take: memory maps and dask.

Prints a table. A memory map is measured a call at a time, each in a process of its own:
the seconds of the call against those of reading the file once, and the anonymous memory
that it takes beyond what was there before. Dask is measured with workers of one thread
beside the same rows in memory: wall time, and processor time of all processes together.
Of the latter, what the processes take while they wait is told apart: their event loops
look around some hundred times a second, however little is done.

    python examples/benchmarks/bench_more_rows.py --quick
    python examples/benchmarks/bench_more_rows.py map --rows 20000000 --only unlearn
    python examples/benchmarks/bench_more_rows.py dask --rows 3000000
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skswu import UnlearningClassifier, UnlearningClassifierCV

N_FEATURES = 50
CHUNK = 100_000
# The keywords with which workers keep freed memory, see the user guide.
KEPT_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "30000000",
}


def chunks(n_rows):
    for start in range(0, n_rows, CHUNK):
        yield slice(start, min(start + CHUNK, n_rows))


def make_rows(path, n_rows):
    """Write features to a file; return labels and groups."""
    coef = np.random.default_rng(0).normal(size=N_FEATURES) / np.sqrt(N_FEATURES)
    X = np.memmap(path, np.float64, "w+", shape=(n_rows, N_FEATURES))
    y, group = np.empty(n_rows, dtype=bool), np.empty(n_rows, dtype=np.int8)
    for number, rows in enumerate(chunks(n_rows)):
        rng = np.random.default_rng([1, number])
        X[rows] = rng.normal(size=X[rows].shape)
        group[rows] = rng.integers(0, 2, len(X[rows]))
        margin = X[rows] @ coef + 0.6 * group[rows]
        y[rows] = margin + rng.logistic(size=len(margin)) > 0.3
    X.flush()
    return y, group


def anonymous_memory():
    """Return the bytes of memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("this benchmark needs Linux's /proc")


class Watch:
    """Time a call, and the most anonymous memory during it."""

    def __enter__(self):
        self.before = self.most = anonymous_memory()
        self.is_on = True
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        self.start = time.perf_counter()
        return self

    def _look(self):
        while self.is_on:
            self.most = max(self.most, anonymous_memory())
            time.sleep(0.005)

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self.start
        self.is_on = False
        self._thread.join()


def read(X, y, group):
    for rows in chunks(len(X)):
        X[rows].sum()


def unlearn(X, y, group):
    some = slice(0, 200_000)
    fitted = LogisticRegression().fit(X[some], y[some])
    model = UnlearningClassifier(fitted, update="one_step")
    return lambda: model.unlearn(X, y, sensitive_features=group)


def path(X, y, group):
    some = slice(0, 200_000)
    model = UnlearningClassifierCV(LogisticRegression().fit(X[some], y[some]))
    return lambda: model.unlearn(X, y, sensitive_features=group)


def pipeline(X, y, group):
    some = slice(0, 200_000)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[some], y[some])
    corrected = UnlearningClassifier(model, update="one_step")
    return lambda: corrected.unlearn(X, y, sensitive_features=group)


def several_steps(X, y, group):
    some = slice(0, 200_000)
    fitted = LogisticRegression().fit(X[some], y[some])
    model = UnlearningClassifier(fitted, update="influence")
    return lambda: model.unlearn(X, y, sensitive_features=group)


def held_out(X, y, group):
    model = UnlearningClassifier(
        LogisticRegression(), update="one_step", validation_fraction=0.2, random_state=0
    )
    return lambda: model.fit(X, y, sensitive_features=group)


def folds(X, y, group):
    model = UnlearningClassifierCV(
        LogisticRegression(), cv=3, strengths=11, random_state=0
    )
    return lambda: model.fit(X, y, sensitive_features=group)


CALLS = {
    "read the file": lambda *rows: lambda: read(*rows),
    "fit of the estimator": lambda X, y, group: lambda: LogisticRegression().fit(X, y),
    "unlearn": unlearn,
    "unlearn, path of 50": path,
    "unlearn, Pipeline": pipeline,
    "unlearn, several steps": several_steps,
    "fit, held out": held_out,
    "fit, three folds": folds,
    "fit": lambda X, y, group: (
        lambda: UnlearningClassifier(
            LogisticRegression(), update="one_step", random_state=0
        ).fit(X, y, sensitive_features=group)
    ),
    "fit, path of 50": lambda X, y, group: (
        lambda: UnlearningClassifierCV(LogisticRegression(), random_state=0).fit(
            X, y, sensitive_features=group
        )
    ),
}


def measure_call(folder, name):
    """Print the seconds and the anonymous memory of one call."""
    y, group = np.load(Path(folder, "y.npy")), np.load(Path(folder, "group.npy"))
    shape = len(y), N_FEATURES
    X = np.memmap(Path(folder, "X"), np.float64, "r", shape=shape)
    call = CALLS[name](X, y, group)
    with Watch() as watch:
        call()
    memory = watch.most - watch.before
    per_row = memory / 8 / len(y)
    print(f"{name:24s}{watch.seconds:9.1f} s{memory / 1e6:11.1f} MB{per_row:8.1f}")


def measure_map(n_rows, folder, only):
    y, group = make_rows(Path(folder, "X"), n_rows)
    np.save(Path(folder, "y.npy"), y)
    np.save(Path(folder, "group.npy"), group)
    print(f"{n_rows} x {N_FEATURES}, memory map; numbers of 8 bytes a row in the end")
    for name in ["read the file", *only] if only else CALLS:
        command = [sys.executable, "-W", "ignore", __file__, "call"]
        subprocess.run([*command, "--folder", folder, "--name", name], check=True)


def processor_time(client):
    own = time.process_time()
    return own if client is None else own + sum(client.run(time.process_time).values())


def measure_dask(n_rows, folder, n_workers_tried):
    import dask.array as da
    from dask import config
    from distributed import Client, LocalCluster

    y, group = make_rows(Path(folder, "X"), n_rows)
    X = np.memmap(Path(folder, "X"), np.float64, "r", shape=(n_rows, N_FEATURES))
    some = slice(0, 200_000)
    fitted = LogisticRegression().fit(X[some], y[some])
    models = {
        "one correction": UnlearningClassifier(fitted, update="one_step"),
        "path of 50": UnlearningClassifierCV(fitted),
    }
    size = max(n_rows // 8, 1)
    for kind, model in models.items():
        time_call(f"{kind}, memory map here", None, 0.0, model, X, y, group)
    environment = config.get("distributed.nanny.pre-spawn-environ") | KEPT_MEMORY
    with config.set({"distributed.nanny.pre-spawn-environ": environment}):
        for n_workers in n_workers_tried:
            with (
                LocalCluster(n_workers=n_workers, threads_per_worker=1) as cluster,
                Client(cluster) as client,
            ):
                few = slice(0, 8 * 200)
                for model in models.values():  # workers import what they need
                    model.unlearn(
                        *(da.from_array(np.array(one[few]), 200) for one in (X, y)),
                        sensitive_features=da.from_array(group[few], 200),
                    )
                idle = idle_share(client)
                sizes = da.core.normalize_chunks(size, (n_rows,))[0]
                parts = [
                    da.map_blocks(
                        read_part,
                        folder,
                        (n_rows, N_FEATURES),
                        size,
                        chunks=(sizes, (N_FEATURES,)),
                        dtype=np.float64,
                    ),
                    da.from_array(y, size),
                    da.from_array(group, size),
                ]
                for kind, model in models.items():
                    name = f"{kind}, {n_workers} worker(s)"
                    time_call(name, client, idle, model, *parts)


def idle_share(client):
    """Return the processor time a second that all processes take to wait."""
    start, processor = time.perf_counter(), processor_time(client)
    time.sleep(5.0)
    return (processor_time(client) - processor) / (time.perf_counter() - start)


def read_part(folder, shape, size, block_info=None):
    start = block_info[None]["chunk-location"][0] * size
    X = np.memmap(Path(folder, "X"), np.float64, "r", shape=shape)
    return X[start : start + size]  # a memory map as well


def time_call(name, client, idle, model, X, y, group):
    start, processor = time.perf_counter(), processor_time(client)
    model.unlearn(X, y, sensitive_features=group)
    seconds = time.perf_counter() - start
    processor = processor_time(client) - processor
    waiting = f"{idle * seconds:9.2f} s of it waiting" if client else ""
    print(
        f"{name:32s}{seconds:9.2f} s wall{processor:9.2f} s processor{waiting}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["map", "dask", "both", "call"])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--quick", action="store_true", help="a few rows")
    parser.add_argument("--only", nargs="*", choices=CALLS, help="calls of the map")
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--folder", default=None, help="where the file is written")
    parser.add_argument("--name", default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.what == "call":
        return measure_call(given.folder, given.name)
    n_rows = 20_000 if given.quick else given.rows
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.what != "dask":
            measure_map(n_rows, folder, given.only)
        if given.what != "map":
            measure_dask(n_rows, folder, given.workers)


if __name__ == "__main__":
    main()
