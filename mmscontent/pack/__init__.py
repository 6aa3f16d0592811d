"""Wire forms: one module per form, each reads and writes; table.py lists them."""
