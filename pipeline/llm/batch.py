"""Answers by the Batch API: all misses of a round at once, at its own pace and price.

The cache knows every batch before it is submitted, so a run that died polls on instead of paying
again, even where it died between submitting and hearing the batch's id: the batch carries our name
for it. Results come in any order, perhaps not all of them; what is missing is submitted again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar

from pipeline.errors import StoppedError
from pipeline.llm.batch_files import CHAT, Shard, read_lines, rejection, result_of, shards
from pipeline.llm.budget import Budget, Reservation
from pipeline.llm.cache import BatchLine, Cache, PendingBatch
from pipeline.llm.client import RETRIES, Answers, Client, look_up
from pipeline.llm.endpoint import Endpoint, Reply
from pipeline.llm.failures import CallError, FatalError, RejectedError, TransientError, excerpt
from pipeline.llm.pacing import Pacing
from pipeline.llm.request import Answer, Request

POLL_S = 60.0
SUBMISSIONS = 3  # of one request in a round
_LABEL = "mmed_shard"  # of a batch, with our name for it
_ENDED = {"completed", "expired", "cancelled", "failed"}

_UNKNOWN = 404

Result = Answer | CallError | FatalError
T = TypeVar("T")


class BatchRunner:
    """Gets all answers of a round; `live` asks one at once, to see what the endpoint takes."""

    def __init__(
        self,
        endpoint: Endpoint,
        cache: Cache,
        budget: Budget,
        pacing: Pacing,
        live: Client,
        pack: Answers | None = None,
        *,
        poll_s: float = POLL_S,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._endpoint = endpoint
        self._cache = cache
        self._budget = budget
        self._pacing = pacing
        self._live = live
        self._places: tuple[Answers, ...] = (cache, pack) if pack else (cache,)
        self._poll_s = poll_s
        self._tell = tell
        self._has_answered = False
        self._wanted: dict[str, Request] = {}  # of this round, by key
        self._last_failure = ""

    async def run_round(self, requests: Sequence[Request]) -> None:
        """Return when the cache holds an answer to every request.

        `StoppedError` where that is not to be had; what came is kept, and the same command goes on.
        """
        for request in requests:
            self._endpoint.check(request)
        self._wanted = {request.key: request for request in requests}
        missing = self._missing(requests)
        for _ in range(SUBMISSIONS):
            if not missing:
                return
            await self._submit_and_wait(missing)
            missing = self._missing(requests)
        if missing:
            raise StoppedError(
                f"{len(missing)} requests got no answer in {SUBMISSIONS} batches "
                f"(last: {self._last_failure}). The same command goes on."
            )

    def _missing(self, requests: Sequence[Request]) -> list[Request]:
        wanted = {request.key: request for request in requests}
        found = look_up(self._places, list(wanted.values()))
        return [request for key, request in wanted.items() if key not in found]

    async def _submit_and_wait(self, missing: Sequence[Request]) -> None:
        pending = await self._pending({request.key for request in missing})
        submitted = {key for batch in pending for key in batch.lines}
        unsent = [request for request in missing if request.key not in submitted]
        while pending or unsent:
            stopped = None
            try:
                unsent = await self._submit_some(unsent, pending)
            except StoppedError as error:
                stopped = error  # what is submitted is paid: wait for it all the same
            while pending:
                await self._finish(pending[0])
                del pending[0]
            if stopped is not None:
                raise stopped

    async def _submit_some(
        self, requests: Sequence[Request], pending: list[PendingBatch]
    ) -> list[Request]:
        """Submit as many as the cap bears now, into `pending`; return the others."""
        await self._learn_schemas(requests)
        requests = self._missing(requests)
        held = self._budget.reserve_all(requests)
        sent = [request for request in requests if request.key in held]
        unused = dict(held)
        try:
            for shard in shards(sent, self._endpoint):
                for request in shard.requests:
                    del unused[request.key]
                batch = await self._submit(shard, held)
                pending.append(batch)  # at once: the next one may fail
        finally:
            for reservation in unused.values():
                self._budget.release(reservation)
        return requests[len(sent) :]

    async def _learn_schemas(self, requests: Sequence[Request]) -> None:
        """Ask one request of every new schema at once: a batch tells too late what is refused."""
        for request in requests:
            schema = request.schema
            if schema is not None and not self._endpoint.schema_mode(schema).is_settled:
                await self._live([request])

    async def _pending(self, wanted: set[str]) -> list[PendingBatch]:
        """Return the batches of earlier runs that are ours or hold what is wanted."""
        found = []
        for batch in self._cache.pending_batches(self._endpoint.base_url):
            if batch.account != self._budget.account and wanted.isdisjoint(batch.lines):
                continue
            name = batch.id or await self._find(batch.shard)
            if name:
                found.append(self._named(batch, name))
            else:  # it never came to be
                self._forget(batch)
        return found

    async def _submit(self, shard: Shard, held: Mapping[str, Reservation]) -> PendingBatch:
        lines = {request.key: _line(request, held[request.key]) for request in shard.requests}
        attempts = ",".join(str(line.attempt) for line in lines.values())
        name = sha256(f"{self._cache.path}/{attempts}".encode()).hexdigest()
        batch = PendingBatch(name, self._budget.account, "", lines)
        self._cache.begin_batch(batch, self._endpoint.base_url)
        try:
            file = await self._persist(
                lambda: self._endpoint.upload(f"{name[:16]}.jsonl", shard.content)
            )
            created = await self._create(name, str(self._read(file)["id"]))
        except FatalError:
            self._forget(batch)
            raise
        self._tell(f"batch {created}: {len(lines)} requests submitted")
        return self._named(batch, created)

    async def _create(self, shard: str, file: str) -> str:
        """Create a batch; return its id."""
        payload = {
            "input_file_id": file,
            "endpoint": CHAT,
            "completion_window": "24h",
            "metadata": {_LABEL: shard},
        }

        num_tries = 0

        async def create_once() -> str:
            nonlocal num_tries
            num_tries += 1
            # What got lost on the way may have been the answer alone.
            if num_tries > 1 and (found := await self._find(shard)):
                return found
            return str(self._read(await self._endpoint.post("/batches", payload))["id"])

        return await self._persist(create_once)

    async def _find(self, shard: str) -> str:
        """Return the id of the batch that carries our name, empty where there is none."""
        after = ""
        while True:
            path = f"/batches?limit=100{after and f'&after={after}'}"
            page = self._read(await self._persist(lambda: self._endpoint.get(path)))  # noqa: B023
            for batch in page["data"]:
                if (batch.get("metadata") or {}).get(_LABEL) == shard:
                    return str(batch["id"])
            if not page.get("has_more"):
                return ""
            after = page["data"][-1]["id"]

    async def _finish(self, batch: PendingBatch) -> None:
        """Wait for a batch and keep what it brought."""
        state = await self._wait_for(batch)
        if state is None:
            self._tell(f"batch {batch.id}: the endpoint does not know it any more")
            self._end(batch, {}, is_free=False)
            return
        results: dict[str, Result] = {}
        for field in ("output_file_id", "error_file_id"):
            if file := state.get(field):
                content = await self._persist(lambda: self._endpoint.get(f"/files/{file}/content"))
                results |= self._results(batch, content.body)
        await self._weigh(results)
        self._end(batch, results, is_free=state["status"] != "completed")
        if state["status"] == "failed":
            raise StoppedError(
                f"batch {batch.id} was refused: {excerpt(str(state.get('errors')))}. "
                "The same command goes on."
            )

    async def _weigh(self, results: Mapping[str, Result]) -> None:
        """Find out whether rejections, and nothing else so far, are of rows or of the whole run."""
        self._has_answered |= any(isinstance(one, Answer) for one in results.values())
        rejected = (key for key, one in results.items() if isinstance(one, RejectedError))
        asked = next((self._wanted[key] for key in rejected if key in self._wanted), None)
        if asked is not None and not self._has_answered:
            self._has_answered = await self._live.takes_others(asked)

    async def _wait_for(self, batch: PendingBatch) -> Mapping[str, Any] | None:
        """Poll until a batch has ended; None where the endpoint does not know it."""
        while True:
            try:
                reply = await self._persist(lambda: self._endpoint.get(f"/batches/{batch.id}"))
            except FatalError as error:
                if error.status != _UNKNOWN:
                    raise
                return None
            state = self._read(reply)
            counts = state.get("request_counts") or {}
            self._tell(
                f"batch {batch.id}: {state['status']}, {counts.get('completed', 0)} of "
                f"{len(batch.lines)} done, {counts.get('failed', 0)} failed"
            )
            if state["status"] in _ENDED:
                return state
            await self._pacing.wait(self._poll_s)

    def _results(self, batch: PendingBatch, content: str) -> dict[str, Result]:
        return {
            key: result_of(line, batch.lines[key], self._endpoint.base_url)
            for key, line in read_lines(content)
            if key in batch.lines
        }

    def _end(self, batch: PendingBatch, results: Mapping[str, Result], *, is_free: bool) -> None:
        """Keep the answers of a batch; a line of which nothing is told counts in full.

        `is_free`: unless the batch did not run to its end.
        """
        for key, line in batch.lines.items():
            held = Reservation(line.attempt, line.reserved, batch.account)
            if not line.is_settled:
                self._keep(line, held, results.get(key), is_free)
        self._cache.end_batch(batch.shard)
        fatal = next((one for one in results.values() if isinstance(one, FatalError)), None)
        if fatal is not None:
            raise fatal

    def _keep(
        self, line: BatchLine, held: Reservation, result: Result | None, is_free: bool
    ) -> None:
        if isinstance(result, Answer):
            if result.is_estimated:
                self._budget.forfeit(held, result)
            else:
                self._budget.settle(held, result)
            return
        if result is None:
            self._last_failure = "no line of the results tells of it"
        else:
            self._last_failure = str(result)
            is_free = not (isinstance(result, CallError) and result.is_charged)
        if is_free:
            self._budget.release(held)
        else:
            self._budget.forfeit(held)
        if isinstance(result, RejectedError) and self._has_answered:
            self._cache.put(rejection(line, str(result)))

    def _named(self, batch: PendingBatch, name: str) -> PendingBatch:
        self._cache.name_batch(batch.shard, name)
        return replace(batch, id=name)

    def _forget(self, batch: PendingBatch) -> None:
        self._end(batch, {}, is_free=True)

    def _read(self, reply: Reply) -> dict[str, Any]:
        return self._endpoint.object_of(reply)

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call until it gets through or its retries are used up."""
        said = ""
        for number in range(RETRIES + 1):
            try:
                return await call()
            except RejectedError as error:
                said = str(error)
                break
            except TransientError as error:
                said, wait = str(error), error.retry_after_s
            await self._pacing.wait(wait or self._pacing.backoff_s(number))
        raise StoppedError(f"the Batch API failed (last: {said}). The same command goes on.")


def _line(request: Request, held: Reservation) -> BatchLine:
    return BatchLine(
        request.key,
        held.attempt,
        held.micro_usd,
        request.prompt,
        request.model,
        request.is_local,
    )
