"""The log of what services have said: a line for each event, where somebody wants to read it."""

import logging
from collections.abc import Iterable

from saga.event_lines import LOGGER, letter_line, lines_of
from saga.messages import DeadLetter, Trace

events = logging.getLogger(LOGGER)


def log_said(traces: Iterable[Trace] = (), letters: Iterable[DeadLetter] = ()) -> None:
    """Write it down; where nobody reads it, it costs nothing."""
    if events.isEnabledFor(logging.INFO):
        for sentence, fields in [*lines_of(traces), *map(letter_line, letters)]:
            events.info(sentence, extra=fields)
