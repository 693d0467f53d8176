"""Makes the secrets of a stack, once: random texts in files, which its processes find by SECRETS_DIR.

python -m workshop.secret_files /secrets
"""

import os
import secrets
import sys
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


if __name__ == "__main__":
    make_missing(Path(sys.argv[1]))
