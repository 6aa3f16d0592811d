"""The options that several commands share, and the values they stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click

from mmscontent.batch.resume import PoolOptions
from mmscontent.batch.run import ENGINES
from mmscontent.pack.registry import ENCODINGS
from mmscontent.pipeline.request import POLICIES, IfNotFit
from mmscontent.profiles import load_profile
from mmscontent.profiles.model import ROUTES, Profile

Command = TypeVar("Command", bound="Callable[..., object]")


def with_options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator; the help lists them in this order."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


def encoding_option(default: str = "pdu") -> Callable[[Command], Command]:
    """The wire form to write."""
    kinds = click.Choice(tuple(ENCODINGS))
    return click.option("--encoding", type=kinds, default=default, show_default=True, help="Wire form to write.")


effort_option = click.option(
    "--effort",
    type=click.Choice(("fast", "best")),
    default="fast",
    show_default=True,
    help="best spends up to four times the time for the last point of quality.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
resume_option = click.option(
    "--resume", is_flag=True, help="Continue the run whose journal is in the folder; nothing is done twice."
)
own_profiles_option = click.option(
    "--profiles", type=click.Path(exists=True, file_okay=False), help="Your own folder of profiles, read first."
)
policy_option = click.option(
    "--if-not-fit",
    type=click.Choice(tuple(p.replace("_", "-") for p in POLICIES)),
    default="fail",
    show_default=True,
    help="What may be given up when the message does not fit; the ledger lists it. split writes OUT-1, OUT-2, …",
)
profile_options = with_options(
    click.option("--carrier", metavar="KEY", help="Carrier of the receiver, such as us/t-mobile."),
    click.option("--route", type=click.Choice(ROUTES), help="Route by which the message reaches the carrier."),
    click.option("--device", metavar="KEY", help="Phone of the receiver, such as apple/iphone."),
    click.option("--class", "content_class", metavar="KEY", help="Content class, such as oma/image-rich."),
    click.option("--max-bytes", type=click.IntRange(min=1), help="Largest packed message, in bytes."),
    own_profiles_option,
    click.option("--allow-inactive", is_flag=True, help="Also for a network that has ended or switched off MMS."),
    click.option("--use-observed", is_flag=True, help="Lower the limit to sizes that the network was seen to refuse."),
)
pool_options = with_options(
    click.option("--workers", type=click.IntRange(min=1), help="Worker processes; by default one per processor."),
    click.option(
        "--engine",
        type=click.Choice(tuple(ENGINES)),
        default="local",
        show_default=True,
        help="Where the workers run: on this machine or on a Ray cluster.",
    ),
    click.option("--cluster", metavar="ADDRESS", help="A running Ray cluster; without it a local one is started."),
)


def profile_from(options: dict[str, Any]) -> Profile:
    """The profile that the options name."""
    same = ("carrier", "route", "device", "content_class", "profiles", "allow_inactive", "use_observed")
    return load_profile(max_message_bytes=options["max_bytes"], **{name: options[name] for name in same})


def policy_from(options: dict[str, Any]) -> IfNotFit:
    """The policy as the library calls it."""
    policy: IfNotFit = options["if_not_fit"].replace("-", "_")
    return policy


def pool_from(options: dict[str, Any]) -> PoolOptions:
    """The worker pool that the options describe."""
    return PoolOptions(options["engine"], options["workers"], options["cluster"])


def single_line(name: str, value: str) -> str:
    """A value that becomes a header of the message, so it must not break the line."""
    if any(c in value for c in "\r\n\0"):
        raise click.UsageError(f"{name} must be one line, got {value!r}")
    return value
