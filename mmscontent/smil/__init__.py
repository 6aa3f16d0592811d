"""The presentation: SMIL written, read, timed."""
