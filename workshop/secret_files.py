"""Makes secrets, once: random texts in files. Those of a stack its processes find by SECRETS_DIR.

python -m workshop.secret_files /secrets
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

# How many random bytes each has. The instructor has to type in the last one.
SIZES = {"secret_key": 48, "database_password": 36, "instructor_password": 12}


def make_missing(directory: Path) -> None:
    """Make what is not there; what is there is in use, and stays as it is."""
    for name, size in SIZES.items():
        path = directory / name
        if not path.exists():
            draft = directory / f".{name}"
            draft.write_text(secrets.token_urlsafe(size))
            # The database server has another user; who may see the directory at all, its mounts decide.
            draft.chmod(0o444)
            os.replace(draft, path)


def kept_key(path: Path) -> str:
    """Return what the file has kept since it was first asked for.

    Linking is atomic: two processes that start together both read what the first one made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


if __name__ == "__main__":
    make_missing(Path(sys.argv[1]))
