"""Names that vulture finds unused and that stay, each group with its reason; `make check` reads this file."""
