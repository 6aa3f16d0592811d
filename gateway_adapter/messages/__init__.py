"""Message handling: acceptance, submission, inbound, operator events, housekeeping."""
