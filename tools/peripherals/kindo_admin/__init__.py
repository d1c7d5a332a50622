"""Stand-in of the Kindo admin API: the vendor does not publish it, so this one answers as the mapping
`assumed-2026.09` says. Rows lie in SQLite, so that they survive a restart. Nothing here comes from Kindo.
"""

NAME = "kindo-admin-api-stand-in"
