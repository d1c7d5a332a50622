"""Registering verified models: clients, the rules of each resource as plain functions, and the dynamic providers
(`resources`), which are thin adapters over them."""
