"""The store: the truth about every message, as rows.

tables (what is kept) · writer (one way in: grouped transactions) · rows (values to columns and back) · and one module a
subject with the statements: messages, reports, hooks, inbound, library.
"""
