"""Sandboxed worker processes in which decoders of untrusted media run."""
