"""python -m tests.bench [--stack] [--quick] [--sagas N] [figure ...]

Measures side by side, in one run, medians of five; prints a table and writes var/bench.json, or var/bench-stack.json.
It judges nothing: a busy machine is not a broken program.
"""

import argparse
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from tests.bench import audience, history, idle, latency, recovery, soak, throughput
from tests.bench.options import Options, say
from tests.bench.report import Figure, machine, save, show
from tests.bench.stack import ROOT
from tests.support.brokers.kinds import CannotStartKafka
from tests.support.system.stack import CannotStart

Measurements = dict[str, Callable[[Options], list[Figure]]]
EMBEDDED: Measurements = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "idle": idle.measure,
    "soak": soak.measure,
    "audience": audience.measure,
    "history": history.measure,
}
STACK: Measurements = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "audience": audience.measure,
    "history": history.measure,
    "recovery": recovery.measure,
}
REPEAT = 5
SAGAS = 5_000


def main() -> None:
    arguments = _arguments()
    # SIGTERM like Ctrl-C: every `with` on the way out ends the processes that it began.
    signal.signal(signal.SIGTERM, _give_up)
    options = Options(repeat=1 if arguments.quick else REPEAT, sagas=arguments.sagas, on_stack=arguments.stack)
    measurements, file = (STACK, "bench-stack.json") if arguments.stack else (EMBEDDED, "bench.json")
    facts, figures = machine(), []
    for name in arguments.figures or measurements:
        say(f"measuring {name} ...")
        try:
            figures += measurements[name](options)
        except (CannotStart, CannotStartKafka) as reason:
            sys.exit(f"{reason}, so the real stack cannot be measured here")
        except Exception:  # the other figures are still worth having
            say(f"{name} could not be measured:\n{traceback.format_exc()}")
    show(figures)
    save(ROOT / "var" / file, facts, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measure the workshop on this machine.")
    figures = f"of {', '.join(EMBEDDED)}, or on the stack of {', '.join(STACK)}; else all"
    parser.add_argument("figures", nargs="*", metavar="figure", help=figures)
    parser.add_argument("--stack", action="store_true", help="on Apache Kafka, Redis and PostgreSQL, begun for it")
    parser.add_argument("--quick", action="store_true", help="take each figure once")
    parser.add_argument("--sagas", type=int, default=SAGAS, help=f"sagas in a measurement of throughput ({SAGAS})")
    arguments = parser.parse_args()
    if unknown := set(arguments.figures) - set(STACK if arguments.stack else EMBEDDED):
        parser.error(f"unknown figure: {', '.join(sorted(unknown))}")
    return arguments


def _give_up(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("given up; nothing was written")
