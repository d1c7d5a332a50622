"""`python -m tools.docs`."""

from tools import documents
from tools.docs import PAGES, write

documents.write()
changed = write()
print("\n".join(f"wrote {file}" for file in changed) or f"{', '.join(PAGES)}: nothing has changed")
