"""The local environment: the engine, a real cluster and the servers beside it. Nothing in components/ imports it."""
