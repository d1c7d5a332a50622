"""Plain clients of the servers that are written to: usable without Pulumi, typed errors, keys never in a message."""
