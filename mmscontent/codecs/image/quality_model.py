"""Numbers of the quality model, written by benchmarks/train_stills.py; not to be edited by hand."""

from __future__ import annotations

__all__ = ["WEIGHTS"]

WEIGHTS: tuple[float, ...] = (
    91.927, -4.3273, -2.5407, -0.19533, 30.539, -4.4265, 13.446, -4.2405, 2.7861, 3.3334, -0.43898, 14.9, 6.6945,
    -0.65954, -8.6319, 3.6211, -0.33184, 0.33384, 8.9102, 6.4685, 2.2422, -0.59128, 3.6351, 5.7231, -3.7349, -2.3727,
    -1.6317, -0.64598, -0.48703, -2.45, -12.115,
)  # fmt: skip
