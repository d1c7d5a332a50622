"""Bodies of the command line's commands, one file each; each returns the exit status."""
