"""As whom a server runs: PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, and how to run a command as that user."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_servers(cls) -> "Account | None":
        """None: run as we are. Called by root: the user of Debian's PostgreSQL packages, or nobody."""
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = names.get("postgres") or names["nobody"]
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def prefix(self) -> list[str]:
        """What to put before a command line; the command keeps the process id (setpriv(1) uses exec)."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--"]

    def can_reach(self, directory: Path) -> bool:
        """Whether the user may pass through `directory`, as its modes and lists of access say."""
        check = [*self.prefix(), "test", "-x", str(directory)]
        return subprocess.run(check, check=False, cwd="/").returncode == 0

    def own(self, directory: Path) -> None:
        """Make the user the owner of the (new, empty) directory, and the only one to see into it."""
        os.chown(directory, self.uid, self.gid)
        directory.chmod(0o700)


def prefix_of(account: Account | None) -> list[str]:
    """The prefix of commands that run as `account`."""
    return account.prefix() if account else []
