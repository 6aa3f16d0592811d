"""The customer's side: one module per family of paths; each reads requests to schema values and writes answers."""
