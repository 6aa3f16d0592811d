"""The only reader of profiles/: keys to files, files to one Profile, numbers and phones to keys.

A key is a path: `us/t-mobile` is `carriers/us/t-mobile.toml`. A user's folder of the same shape lies over the
shipped one, file by file. Carriers without numbers of their own are lines of `carriers/inherited.tsv`, phones
known from their UAProf documents lines of `devices/population.tsv`. `profile_files.match` finds keys; it stands
apart because it needs the XML parser.
"""

from mmscontent.profiles.catalogue import ProfileSummary, kinds_of, list_profiles
from mmscontent.profiles.lint import ProfileFinding, lint_profiles
from mmscontent.profiles.load import load_profile
from mmscontent.profiles.observed_limits import observe
from mmscontent.profiles.search_path import ENVIRONMENT_VARIABLE

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
