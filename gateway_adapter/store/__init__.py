"""The database of every message, and all SQL of the gateway.

transaction_queue (grouped transactions) · tables · serialization (values to columns and back) · and one module of
statements per subject: messages, operator_events, reports, webhook_queue, inbound, content, accounts,
housekeeping. Media bytes are files: blobs.
"""
