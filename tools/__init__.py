"""The local environment: builds the engine, runs a real cluster and the servers beside it. Nothing in components/ imports it."""
