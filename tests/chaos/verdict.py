"""What must hold when all is over, and the tables that tell what was done and how it ended."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from tests.chaos.crowd import Batch, Crowd
from tests.chaos.scene import Scene
from tests.support.system.live import ENDS

SHOWN = 5
"""So many ids are enough to look into what they have in common."""


def violations(scene: Scene) -> list[str]:
    """Return a sentence for each thing that is not as it must be."""
    known = scene.workshop.sagas()
    letters = scene.workshop.get("/api/dead-letters")["dead_letters"]
    found = [
        *scene.wrong,
        *broken(scene),
        *_about("accepted, and never heard of again", scene.crowd.accepted.keys() - known.keys()),
        *_about("not ended", [saga_id for saga_id, row in known.items() if row["status"] not in ENDS]),
        *_strangers(scene.crowd, known),
        *_about("completed, though a step was made to fail for good", _completed_doomed(scene.crowd, known)),
        *_about("completed, and no e-mail was sent", _without_mail(scene, known)),
        *(f"dead letter nobody provoked, of saga {one['saga_id']}: {one['reason']}" for one in letters),
    ]
    return list(found)


def broken(scene: Scene) -> list[str]:
    """Return the invariants that do not hold, in words."""
    checks = scene.workshop.get("/api/invariants")["checks"]
    return [f"{check['name']}: {check['detail']}" for check in checks if not check["ok"]]


def _about(what: str, saga_ids: Collection[str]) -> Iterator[str]:
    if saga_ids:
        yield f"{len(saga_ids)} {what}: {', '.join(list(saga_ids)[:SHOWN])}"


def _strangers(crowd: Crowd, known: dict[str, Any]) -> Iterator[str]:
    """A request without an answer was taken whole or not at all; beside those, nobody comes unasked."""
    unasked = Counter(_kind(row) for saga_id, row in known.items() if saga_id not in crowd.accepted)
    for batch in crowd.unanswered:
        came = [unasked.pop((batch.scenario, batch.style, name), 0) for name in batch.names]
        if set(came) not in ({0}, {1}):
            yield f"of a request that was not answered {sum(came)} of {len(came)} sagas were accepted: {batch}"
    yield from _about("known that nobody asked for", [f"{name} ({style})" for _, style, name in unasked])


def _kind(row: dict[str, Any]) -> tuple[str, str, str]:
    return (row["scenario"], row["style"], row["user"]["name"])


def _completed_doomed(crowd: Crowd, known: dict[str, Any]) -> list[str]:
    doomed = [saga_id for saga_id, batch in crowd.accepted.items() if batch.is_doomed]
    return [saga_id for saga_id in doomed if saga_id in known and known[saga_id]["status"] == "completed"]


def _without_mail(scene: Scene, known: dict[str, Any]) -> list[str]:
    onboarded = [one for one, row in known.items() if _was_onboarded(row)]
    mails = {path.name for path in (scene.workshop.var_dir / "mail").glob("*.eml")}
    return [saga_id for saga_id in onboarded if f"{saga_id}@saga-workshop.example.com.eml" not in mails]


def _was_onboarded(row: dict[str, Any]) -> bool:
    return row["scenario"] == "onboarding" and row["status"] == "completed"


def acts_table(scene: Scene) -> str:
    names = sorted(scene.done | scene.refused)
    return _table(("what was done", "times", "refused"), [(n, scene.done[n], scene.refused[n]) for n in names])


def ends_table(batches: Iterable[tuple[Batch, str]]) -> str:
    counted = Counter((batch.scenario, batch.style, end) for batch, end in batches)
    return _table(("scenario", "style", "end", "sagas"), [(*kind, count) for kind, count in sorted(counted.items())])


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
