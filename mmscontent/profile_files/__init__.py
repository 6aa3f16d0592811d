"""The only reader of profiles/: keys to files, files to one Profile, numbers and phones to keys.

A key is a path: `us/t-mobile` is `carriers/us/t-mobile.toml`. A user's folder of the same shape lies over the
shipped one, file by file. Carriers without numbers of their own are lines of `carriers/inherited.tsv`, phones
known from their UAProf documents lines of `devices/population.tsv`. `profile_files.match` finds keys; it stands
apart because it needs the XML parser.
"""

from mmscontent.profile_files.catalogue import ProfileSummary, kinds_of, list_profiles
from mmscontent.profile_files.folders import ENVIRONMENT_VARIABLE
from mmscontent.profile_files.lint import ProfileFinding, lint_profiles
from mmscontent.profile_files.load import load_profile
from mmscontent.profile_files.observed import observe

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
