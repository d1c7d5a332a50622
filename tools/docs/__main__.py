"""`python -m tools.docs`."""

from tools.docs import PAGES, write

changed = write()
print("\n".join(f"wrote {file}" for file in changed) or f"{', '.join(PAGES)}: nothing has changed")
