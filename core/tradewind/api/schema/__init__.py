"""From the typed models to what the API server enforces: structural schemas, CEL rules, printer columns."""
