"""Puts `platform/` on the import path; every entry point imports this module first.

`platform/` cannot be a package itself: the name belongs to the standard library, and the Functions
worker imports that module before the application (docs/adr/0006-platform-folder.md).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
if (_PLATFORM := str(ROOT / "platform")) not in sys.path:
    sys.path.append(_PLATFORM)
