"""A worker whose import fails."""

raise LookupError("no table")
