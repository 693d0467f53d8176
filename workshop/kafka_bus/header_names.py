"""Reading messages whose headers have names that are no text.

The library reads all of a batch or nothing. One such name would hold up its partition for ever, as nobody could even
say what is wrong with the message. So where a name is not UTF-8, the batch is read once more, and what is no text in
its names is escaped.
"""

from typing import Any

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class _Slice(bytes):
    def decode(self, *_: Any) -> str:
        return super().decode("utf-8", "backslashreplace")


class _PatientBuffer(bytearray):
    """Its slices can be decoded whatever they hold. It is slow, and so is only for batches that need it."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Slice(found) if isinstance(at, slice) else found


class PatientBatch(DefaultRecordBatch):
    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:  # and the place in the buffer is still that of this message
            self._buffer = _PatientBuffer(self._buffer)
            return super()._read_msg()


def read_any() -> None:
    """Let the library read batches so. It lets nobody choose their class."""
    memory_records.DefaultRecordBatch = PatientBatch
