"""Steps of one run: examine, plan, transcode, present, pack, verify, report."""
