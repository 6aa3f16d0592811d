"""Reads profiles/: finds files by key, merges them into one Profile, and finds keys by network or phone.

A key is a path: `us/t-mobile` is `carriers/us/t-mobile.toml`. A user's folder of the same shape has precedence over the
shipped one, file by file. Carriers without numbers of their own are lines of `carriers/inherited.tsv`, phones known
from their UAProf documents lines of `devices/population.tsv`. `profiles.match`, which finds keys, is not imported here
because it needs the XML parser.
"""

from mmscontent.profiles.catalogue import ProfileSummary, kinds_of, list_profiles
from mmscontent.profiles.lint import ProfileFinding, lint_profiles
from mmscontent.profiles.load import load_profile, observe
from mmscontent.profiles.read import ENVIRONMENT_VARIABLE

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "ProfileFinding",
    "ProfileSummary",
    "kinds_of",
    "lint_profiles",
    "list_profiles",
    "load_profile",
    "observe",
]
