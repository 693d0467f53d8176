"""Asks whether any pinned package has a known vulnerability, and says plainly when nobody could tell.

python -m tests.package_audit [requirements file]...    exit status 0: none is known; 1: some are; 2: nobody could tell
"""

import json
import subprocess
import sys
from collections.abc import Sequence

FILES = ("requirements.txt", "requirements-dev.txt", "requirements-audit.txt")
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
QUIET = ("--progress-spinner", "off", "--format", "json")


def main(files: Sequence[str]) -> int:
    named = [word for file in files for word in ("--requirement", file)]
    # The files hold every package with its hash; there is nothing to resolve, and nothing to download.
    argv = (sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", *QUIET, *named)
    asked = subprocess.run(argv, capture_output=True, text=True)
    status, lines = verdict(asked.stdout, asked.stderr)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return status


def verdict(answer: str, complaint: str) -> tuple[int, list[str]]:
    """Return the exit status and what to say, by what pip-audit wrote on standard output and on standard error.

    Where its source knows nothing of a package, as a mirror without that part of PyPI does, pip-audit skips it, and
    calls the rest clean. No answer is not a good answer.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except ValueError:
        reason = (complaint.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return UNKNOWN, [f"Not audited: the vulnerability service cannot be reached ({reason})"]
    found = [_finding(package, hole) for package in packages for hole in package.get("vulns", ())]
    skipped = [package for package in packages if "skip_reason" in package]
    lines = list(dict.fromkeys(found))
    if skipped:
        lines.append(f"Not audited: {len(skipped)} of {len(packages)} packages ({skipped[0]['skip_reason']})")
    if not lines:
        lines.append(f"No known vulnerability in {len(packages)} packages")
    return (VULNERABLE if found else UNKNOWN if skipped else CLEAN), lines


def _finding(package: dict[str, str], hole: dict[str, list[str]]) -> str:
    mended = ", ".join(hole["fix_versions"]) or "no version yet"
    return f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or FILES))
