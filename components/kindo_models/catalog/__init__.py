"""Facts that age, as data files with source and date (`data/`), each read by one typed loader.

A loader is called when its facts are needed and caches them for the process; importing this package reads nothing.
"""
