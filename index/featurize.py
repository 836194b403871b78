"""The featurize stage: ask which images lack a row, compute, store rows and flags in one transaction.

Killed anywhere and started again it ends with the same rows: what was not committed is simply still lacking.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace

from db import Catalog
from index import engines, store
from index.computing import compute
from index.features import open_feature
from index.store import Computed
from pools import Pool
from pools.errors import PoolLostError, WorkerDiedError

BATCH_IMAGES = 32
"""Neighbours by id: mostly tiles of one sheet, which a worker decodes once."""

IN_FLIGHT_PER_WORKER = 2
MAX_DEATHS = 2

Results = dict[str, list[Computed]]


@dataclass(frozen=True)
class Task:
    """Images that lack a row of the same models, and how many workers died of them."""

    names: tuple[str, ...]
    image_ids: tuple[int, ...]
    deaths: int = 0


@dataclass
class Summary:
    """Rows stored by model, and images without a row by reason."""

    stored: Counter[str] = field(default_factory=Counter)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, results: Results) -> None:
        """Count what was committed."""
        for name, computed in results.items():
            for done in computed:
                if done.vector is None:
                    self.problems[name, done.problem] += 1
                else:
                    self.stored[name] += 1

    def left(self, due: dict[str, int]) -> dict[str, int]:
        """Return what remains of what was due before."""
        done = Counter(self.stored)
        for (name, _), count in self.problems.items():
            done[name] += count
        return {name: max(0, count - done[name]) for name, count in due.items()}


class FeaturizeRunner:
    """Drains what is lacking through a pool, all models in one reading of the pixels."""

    def __init__(self, catalog: Catalog, pool: Pool, names: Sequence[str]) -> None:
        self._catalog = catalog
        self._pool = pool
        self._models = {name: open_feature(name).model for name in names}
        self._ids = {name: store.register(catalog.database, model) for name, model in self._models.items()}
        self._engine = engines.open_engine(catalog)
        for name, model in self._models.items():
            self._engine.prepare(model, self._ids[name])
        self._flying: dict[Future[Results], Task] = {}
        self._after = dict.fromkeys(names, 0)

    def due(self) -> dict[str, int]:
        """Count what is lacking, by model."""
        return store.count_due(self._catalog.database, self._ids)

    def run(self, settled: Callable[[Results], None]) -> None:
        """Work until nothing is lacking, calling `settled` after each commit.

        Raises OutageError where a worker met one, DBAPIError where the catalog fails here, PoolGoneError when the pool
        stays away: nothing is recorded then.
        """
        while self._fill() or self._flying:
            done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, self._flying.pop(future), settled)

    def _fill(self) -> bool:
        submitted = False
        while len(self._flying) < self._pool.workers * IN_FLIGHT_PER_WORKER:
            tasks = self._next_tasks()
            if not tasks:
                break
            for task in tasks:
                self._submit(task)
            submitted = True
        return submitted

    def _next_tasks(self) -> list[Task]:
        """Return the next images, by the models they lack a row of; those before were submitted already."""
        lacking: dict[int, list[str]] = {}
        with self._catalog.database.read() as connection:
            for name, model_id in self._ids.items():
                for image_id in store.lacking(connection, model_id, self._after[name], BATCH_IMAGES):
                    lacking.setdefault(image_id, []).append(name)
        batch = sorted(lacking)[:BATCH_IMAGES]
        if batch:
            self._after = dict.fromkeys(self._after, batch[-1])
        tasks: dict[tuple[str, ...], list[int]] = {}
        for image_id in batch:
            tasks.setdefault(tuple(lacking[image_id]), []).append(image_id)
        return [Task(names, tuple(image_ids)) for names, image_ids in tasks.items()]

    def _submit(self, task: Task) -> None:
        settings = self._catalog.settings
        future = self._pool.submit(compute, settings.catalog_url, settings.blobs_url, task.names, task.image_ids)
        self._flying[future] = task

    def _take(self, future: "Future[Results]", task: Task, settled: Callable[[Results], None]) -> None:
        try:
            results = future.result()
        except PoolLostError:
            self._pool.reopen()
            self._submit(task)
            return
        except (TimeoutError, WorkerDiedError) as error:
            if len(task.image_ids) > 1:
                for image_id in task.image_ids:
                    self._submit(Task(task.names, (image_id,)))
                return
            if isinstance(error, WorkerDiedError) and task.deaths + 1 < MAX_DEATHS:
                self._submit(replace(task, deaths=task.deaths + 1))
                return
            reason = f"the worker died: {error}" if isinstance(error, WorkerDiedError) else "took too long"
            results = {name: [Computed(task.image_ids[0], None, reason)] for name in task.names}
        self._settle(results)
        settled(results)

    def _settle(self, results: Results) -> None:
        """Rows, the engine's copy of them and the flags: one transaction."""
        with self._catalog.database.write() as connection:
            for name, computed in results.items():
                model, model_id = self._models[name], self._ids[name]
                store.save(connection, model, model_id, computed)
                self._engine.save(connection, model, model_id, computed)
