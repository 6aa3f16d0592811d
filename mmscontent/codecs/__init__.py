"""Codecs: one module per kind of medium, the same names in each; base.py is the contract, table.py the list."""
