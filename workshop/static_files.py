"""Where browsers find the files of the page."""

import hashlib
from pathlib import Path


def fingerprint(folder: Path) -> str:
    """Return a short text that is another one when any file in a folder is: its name, or what it holds."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
