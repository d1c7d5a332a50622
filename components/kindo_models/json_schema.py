"""What the JSON Schemas that we publish have in common."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
