"""What the comparison needs and the platform does not: Celery, and Redis's server program."""

import shutil
from pathlib import Path

from tools.bench.measuring.requirements import bench_commands, ensure_python_packages
from tools.cli.setup.commands import CannotBeRoot, Commands, SetupFailed

_INSTALL = "apt-get install -y --no-install-recommends redis-tools"


def ensure_packages(root: Path) -> None:
    """Install what is missing. SetupFailed with what a person can do where that is not possible."""
    ensure_python_packages(root, "celery", "redis")
    if _program() is None:
        _install_redis(bench_commands(root))


def redis_server(state: Path) -> Path:
    """The server program, under the name by which it knows that it is to serve.

    Debian's package redis-server starts a server of the system. The same program lies in redis-tools as
    `redis-check-rdb`, which starts nothing, and goes by the name it is called by.
    """
    program = _program()
    if program is None:
        raise SetupFailed(f"There is no Redis. Have this run: {_INSTALL}")
    link = state / "redis-server"
    state.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    return link


def _program() -> str | None:
    return shutil.which("redis-server") or shutil.which("redis-check-rdb")


def _install_redis(commands: Commands) -> None:
    if not shutil.which("apt-get"):
        raise SetupFailed("There is no Redis (redis-server). This is no Debian or Ubuntu: install it.")
    print("Installing redis-tools by apt", flush=True)
    try:
        commands.as_root("apt-get", "update")
        commands.as_root("env", "DEBIAN_FRONTEND=noninteractive", *_INSTALL.split())
    except CannotBeRoot as exc:
        raise SetupFailed(
            f"There is no Redis, and installing it needs root. Have this run: {_INSTALL}"
        ) from exc
