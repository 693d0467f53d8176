"""python -m tests.chaos [--seed N] [--sagas N] [--minutes M]

Starts the real workshop, lets thousands of sagas through it, and while they run kills, stops and confuses everything,
at random from a seed that is printed. Then it drives on what got stuck, and judges: exit status 1 on any violation,
and the state directory is left for whoever looks into it.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NoReturn

from tests.chaos import twins
from tests.chaos.acts import ACTS, MUSTS, schedule
from tests.chaos.calm import settle
from tests.chaos.crashes import MUST, name_of
from tests.chaos.crowd import Crowd
from tests.chaos.scene import Scene
from tests.chaos.verdict import acts_table, ends_table, violations
from tests.support.system.live import LiveWorkshop

SAGAS = 3_000
MINUTES = 4.0
TWINS = 60
FEED_EVERY_S = 0.5
LONGEST_PAUSE_S = 1.0
SETTINGS = {"LAG_MS": "0,50", "SAGA_DEADLINE_S": "5"}


def main() -> int:
    arguments = _arguments()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    # SIGTERM like Ctrl-C: the workshop is ended on the way out.
    signal.signal(signal.SIGTERM, _give_up)
    print(f"chaos with --seed {seed}: {arguments.sagas:,} sagas in {arguments.minutes:g} minutes", flush=True)
    with _workshop() as workshop:
        crowd = Crowd(workshop, Random(f"{seed} crowd"))
        scene = Scene(workshop=workshop, crowd=crowd, random=Random(f"{seed} acts"))
        try:
            _run(scene, seed, sagas=arguments.sagas, minutes=arguments.minutes)
        except Exception:  # what was done until then is worth telling, and it is a failure all the same
            scene.wrong.append(f"the chaos could not be brought to its end:\n{traceback.format_exc()}")
        return _judge(scene, seed)


def _run(scene: Scene, seed: int, *, sagas: int, minutes: float) -> None:
    _say("the same users in both styles, with the same faults ...")
    twins.switch_on_everywhere(scene, seed=seed, retryable_rate=0.5)
    scene.wrong += twins.differences(twins.ends_by_style(scene, count=TWINS))
    scene.workshop.clear_faults()
    _say("chaos ...")
    with _arriving(scene, sagas=sagas, within_s=60 * minutes):
        _act(scene, until=time.monotonic() + 60 * minutes)
    _say(f"{len(scene.crowd):,} sagas are accepted; waiting until they have ended ...")
    settle(scene)


def _act(scene: Scene, *, until: float) -> None:
    for act in schedule(scene.random, ACTS, musts=MUSTS, is_over=lambda: time.monotonic() > until):
        try:
            act.do(scene)
        except Exception:  # the others are still worth doing
            scene.wrong.append(f"something could not be done:\n{traceback.format_exc()}")
        threading.Event().wait(scene.random.uniform(0, LONGEST_PAUSE_S))
    missed = [name_of(*where) for where in MUST if not scene.done[name_of(*where)]]
    scene.wrong += [f"never done, because it was refused: {name}" for name in missed]


@contextmanager
def _arriving(scene: Scene, *, sagas: int, within_s: float) -> Iterator[None]:
    """Let sagas come, in even numbers, while something else is done; those that are left, at the end."""
    crowd, is_over, began = scene.crowd, threading.Event(), time.monotonic()

    def come() -> None:
        try:
            while not is_over.wait(FEED_EVERY_S):
                due = sagas * min(1.0, (time.monotonic() - began) / within_s)
                crowd.come(int(due) - len(crowd))
        except Exception:
            scene.wrong.append(f"a request for sagas was answered wrongly:\n{traceback.format_exc()}")

    thread = threading.Thread(target=come, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    crowd.come(sagas - len(crowd))


def _judge(scene: Scene, seed: int) -> int:
    known = scene.workshop.sagas()
    ends = [(batch, known[one]["status"]) for one, batch in scene.crowd.accepted.items() if one in known]
    found = violations(scene)
    print(f"\n{acts_table(scene)}\n\n{ends_table(ends)}\n")
    for violation in found:
        print(f"VIOLATION: {violation}")
    if not found:
        print(f"{len(known):,} sagas, and everything holds (--seed {seed})")
        return 0
    kept = scene.workshop.var_dir
    (kept / "chaos.log").write_text("\n".join(scene.workshop.output))
    print(f"{len(found)} violations; again with --seed {seed}; what the run left behind, and its log, are in {kept}")
    return 1


@contextmanager
def _workshop() -> Iterator[LiveWorkshop]:
    """Run a workshop in a directory of its own, which is removed again if nothing went wrong."""
    directory = Path(tempfile.mkdtemp(prefix="saga-chaos-"))
    workshop = LiveWorkshop(directory, **SETTINGS)
    try:
        yield workshop.start()
    finally:
        workshop.stop()
    if not (directory / "chaos.log").exists():
        shutil.rmtree(directory)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description="Break everything, and see whether sagas hold.")
    parser.add_argument("--seed", type=int, help="of what happens, to repeat it; else a random one, which is printed")
    parser.add_argument("--sagas", type=int, default=SAGAS, help=f"how many sagas come ({SAGAS:,})")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long the chaos lasts ({MINUTES:g})")
    return parser.parse_args()


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _give_up(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
