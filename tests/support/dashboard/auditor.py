"""What the auditor finds wrong."""

from dashboard.auditor.invariants import AUDITOR, Auditor


def red(auditor: Auditor = AUDITOR) -> dict[str, str]:
    """Return what each check that is red says, by its name."""
    return {check["name"]: check["detail"] for check in auditor.report()["checks"] if not check["ok"]}


def assert_red(name: str, detail: str) -> None:
    assert not AUDITOR.report()["ok"]
    [(red_name, red_detail)] = red().items()
    assert name in red_name
    assert detail in red_detail
