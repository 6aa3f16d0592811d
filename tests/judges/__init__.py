"""Judges: independent programs and libraries that read what we wrote."""
