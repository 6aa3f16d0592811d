"""Wire forms: one module per form, each reads and writes; registry.py lists them."""
