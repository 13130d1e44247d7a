"""A run killed at any moment: the next one sends what was in flight again, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.llm.cache import Cache
from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.loopback import PRICE, Rig, requests

CONCURRENCY = 8
NUMBER = 60

RUN = """
import sys
from pathlib import Path
from pipeline.llm.pacing import Pacing
from tests.pipeline.llm.loopback import Rig, requests
rig = Rig(Path(sys.argv[1]), sys.argv[2])
rig.ask(requests(int(sys.argv[3])), rig.client(pacing=Pacing(max_concurrency=int(sys.argv[4]))))
"""


@pytest.mark.parametrize("moment", [1, 17, 45])
def test_a_killed_run_is_repeated_without_paying_twice(
    server: FaultServer, tmp_path: Path, moment: int
) -> None:
    server.script = server.script.model_copy(update={"latency_ms": 20})
    arguments = [str(tmp_path), server.base_url, str(NUMBER), str(CONCURRENCY)]
    process = subprocess.Popen([sys.executable, "-c", RUN, *arguments])
    deadline = time.monotonic() + 30
    while server.counts.num_requests < moment and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.wait()
    time.sleep(0.1)
    num_before = server.counts.num_requests
    with Cache(tmp_path / "answers.sqlite") as cache:
        num_kept, spent = cache.count(), cache.spent("build")
    num_lost = num_before - num_kept
    assert 0 <= num_lost <= CONCURRENCY
    assert spent > 0

    rig = Rig(tmp_path, server.base_url)
    answers = rig.ask(requests(NUMBER))
    assert server.counts.num_requests == NUMBER + num_lost
    assert [one.text for one in answers] == [one.messages[-1].content for one in requests(NUMBER)]
    paid = sum(PRICE.micro_usd(one.prompt_tokens, one.completion_tokens) for one in answers)
    # What was lost in flight counts at its reservation.
    assert rig.cache.spent("build") >= paid
    rig.cache.close()


INTERRUPTED = """
import sys
from pathlib import Path
from pipeline.llm.gather import gather
from pipeline.llm.pacing import Pacing
from tests.pipeline.llm.loopback import Rig, requests

async def program(request, ask):
    return await ask([request])

rig = Rig(Path(sys.argv[1]), sys.argv[2])
client = rig.client(pacing=Pacing(max_concurrency=int(sys.argv[4])))
found = gather(requests(int(sys.argv[3])), program, client, 2 * int(sys.argv[4]))
print(found.is_interrupted, len(found.unfinished), found.stopped)
"""


def test_ctrl_c_keeps_what_is_in_flight_and_sends_nothing_more(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script = server.script.model_copy(update={"latency_ms": 300})
    arguments = [str(tmp_path), server.base_url, str(NUMBER), str(CONCURRENCY)]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while server.counts.in_flight < CONCURRENCY and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    with Cache(tmp_path / "answers.sqlite") as cache:
        num_kept = cache.count()
    assert num_kept == server.counts.num_requests < NUMBER
    assert output == f"True {NUMBER - num_kept} interrupted\n"
