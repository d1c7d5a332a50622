"""KDeps resources and workflows ⇄ contract entries.

`documents` reads YAML files with several documents, `uses` finds every model that they call, `entries` and `importing`
make one entry of each, `writing` goes the other way. Two generations are told apart by shape: with `run:` around the
action and the backend in the resource, or (2026-05 on) without both.
"""
