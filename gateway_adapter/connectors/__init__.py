"""Operators and aggregators: one module each, of one shape (base.py), no sockets; table.py lists them."""
