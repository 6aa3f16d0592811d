"""`campaign`: one message to many recipients, planned before anything is sent, then packed for each of them."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmscontent.batch.model import Settings
from mmscontent.batch.resume import BatchRun, PoolOptions
from mmscontent.campaign import (
    Campaign,
    FittedMediaCache,
    default_folder,
    items_of,
    plan_campaign,
    read_recipients,
    read_template,
    render_messages,
)
from mmscontent.campaign.cache import DEFAULT_BOUND_BYTES
from mmscontent.cli.batch import pool_options, receivers_from, sigterm_as_interrupt
from mmscontent.cli.compose import profile_from, profile_options
from mmscontent.cli.output import print_status, reserved_stdout, write_json
from mmscontent.cli.progress import RunTotals, progress_bar
from mmscontent.ledger import columns
from mmscontent.pack.registry import ENCODINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.batch.model import Failure
    from mmscontent.campaign import CampaignPlan, RecipientGroup

__all__ = ["campaign_group"]

SCHEMA = "mmscontent.campaign/1"
SOME_CANNOT = 1
_MOST_NAMED = 10


def _options(command: Any) -> Any:  # noqa: ANN401 - as click's own decorators
    """What both commands take."""
    file = click.Path(path_type=Path, dir_okay=False)
    options = [
        click.argument("recipients", type=file, metavar="RECIPIENTS"),
        click.argument("message", type=file, metavar="MESSAGE"),
        profile_options,
        click.option(
            "--encoding", type=click.Choice(tuple(ENCODINGS)), default="pdu", show_default=True, help="Wire form."
        ),
        click.option(
            "--effort", type=click.Choice(("fast", "best")), default="fast", show_default=True, help="As compose."
        ),
        click.option(
            "--timeout", type=click.FloatRange(min=1), default=300, show_default=True, help="Seconds for one fit."
        ),
        click.option(
            "--cache", type=click.Path(path_type=Path), help="Where fitted media are kept; the user's cache folder."
        ),
        click.option(
            "--cache-bytes",
            type=click.IntRange(min=0),
            default=DEFAULT_BOUND_BYTES,
            show_default=True,
            help="What the cache may hold.",
        ),
        pool_options,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group("campaign")
def campaign_group() -> None:
    """Send one message to many: every distinct fit is made once, every recipient's words are packed with it."""


@campaign_group.command("plan")
@_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def plan_command(*, as_json: bool, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Tell what a campaign comes to, and who cannot receive it, before anything is sent.

    RECIPIENTS is CSV or JSON lines with a column recipient, the columns that name a receiver (profile, or carrier,
    route, device, class, max_bytes), and any others. MESSAGE is JSON: files, text, subject, from; {name} in a text is
    the column name. Exit status 1 when somebody cannot receive it.
    """
    with sigterm_as_interrupt(), reserved_stdout():
        campaign = _campaign(options)
        plan = _plan(campaign, options)
    if as_json:
        write_json(_as_json(campaign, plan))
    else:
        click.echo("\n".join(_lines(campaign, plan)))
    return 0 if plan.sendable == len(campaign.recipients) else SOME_CANNOT


@campaign_group.command("render")
@_options
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for messages and journal.")
@click.option("--resume", is_flag=True, help="Go on with the journal in the folder; nothing is done twice.")
@click.option("--jsonl", is_flag=True, help="Each recipient's line on standard output.")
def render_command(*, output: Path, resume: bool, jsonl: bool, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Pack the message of every recipient; media are fitted once a group, or come from the cache.

    Exit status 1 when somebody cannot receive it.
    """
    campaign = _campaign(options)
    settings = Settings(
        profile_from(options), encoding=campaign.encoding, effort=campaign.effort, smil=campaign.template.smil
    )
    said = {"message": campaign.template.digest, "encoding": campaign.encoding, "effort": campaign.effort}
    items = items_of(campaign)
    with (
        BatchRun(output, settings, said, resumes=resume) as desk,
        sigterm_as_interrupt(),
        reserved_stdout() as ours,
    ):
        standing = desk.standing(items)
        if standing.kept:
            print_status(f"{len(standing.kept):,} recipients stand in the journal, {len(standing.left):,} are left")
        plan = _plan(campaign, options)
        print_status(f"{len(plan.groups):,} groups, {plan.encodes:,} fitted now")
        tally = RunTotals(standing.kept)
        try:
            records = desk.take(standing.left, render_messages(campaign, plan, standing.left))
            with progress_bar(len(items), tally) as show, closing(records):
                for record in records:
                    tally.add(record)
                    show(tally)
                    if jsonl:
                        click.echo(record.line(), file=ours)
        finally:
            told = [*tally.lines(len(items)), f"messages and journal: {output}"]
            click.echo("\n".join(told), file=sys.stderr if jsonl else ours)
    return SOME_CANNOT if tally.bad else 0


def _campaign(options: dict[str, Any]) -> Campaign:
    template = read_template(options["message"])
    recipients = read_recipients(options["recipients"], template, receivers_from(options))
    return Campaign(template, recipients, options["encoding"], options["effort"], options["timeout"])


def _plan(campaign: Campaign, options: dict[str, Any]) -> CampaignPlan:
    cache = FittedMediaCache(options["cache"] or default_folder(), options["cache_bytes"])
    return plan_campaign(campaign, cache, PoolOptions(options["engine"], options["workers"], options["cluster"]))


# --- what is told ------------------------------------------------------------------------------------------------


def _cannot(plan: CampaignPlan) -> Iterator[tuple[int, Failure, RecipientGroup | None]]:
    """Who cannot receive it: place, why, and the group that could not be fitted."""
    yield from ((place, failure, None) for place, failure in plan.faults)
    for group in plan.groups:
        if group.fitted is None and group.failure is not None:
            yield from ((place, group.failure, group) for place in group.recipients)


def _takes(group: RecipientGroup | None) -> list[dict[str, object]]:
    """What it would take, as the options of a refusal."""
    return [o.as_json() for o in group.ledger.options] if group is not None and group.ledger is not None else []


def _name(group: RecipientGroup) -> str:
    p = group.profile
    return " ".join(n for n in (p.carrier, p.route, p.device, p.content_class) if n) or "any phone"


def _quality(group: RecipientGroup) -> float | None:
    entries = [p.entry.predicted for p in group.fitted.parts if p is not None] if group.fitted is not None else []
    return min((q for q in entries if q is not None), default=None)


def _lines(campaign: Campaign, plan: CampaignPlan) -> list[str]:
    rows = [("receiver", "recipients", "limit", "media", "message, at most", "quality", "media are")]
    for group in plan.groups:
        quality = _quality(group)
        made = (
            "refused" if group.fitted is None else ("in the cache" if group.cached else f"fitted, {group.fit_ms:,} ms")
        )
        rows.append(
            (
                _name(group),
                f"{len(group.recipients):,}",
                f"{group.profile.limit_bytes:,}",
                f"{group.fitted.size_bytes:,}" if group.fitted is not None else "",
                f"{group.each_bytes:,}",
                f"{quality:.0f}" if quality is not None else "",
                made,
            )
        )
    cannot = list(_cannot(plan))
    fit_ms = sum(g.fit_ms for g in plan.groups)
    sizes = f"at most {plan.most_bytes:,} bytes to send, packed in about {plan.packing_s:.1f} s"
    lines = [
        columns(rows),
        "",
        f"{len(campaign.recipients):,} recipients, {plan.sendable:,} can receive it, {len(cannot):,} cannot.",
        f"{plan.encodes:,} encodes in {fit_ms / 1000:.1f} s; {sizes}.",
    ]
    for place, failure, refused in cannot[:_MOST_NAMED]:
        who = campaign.recipients[place]
        lines.append(f"  line {who.line}, {who.address}: {failure.message}")
        lines += [f"    would take: {o['do']} {o['part'] or ''} {o['gives']}".rstrip() for o in _takes(refused)[:3]]
    if len(cannot) > _MOST_NAMED:
        lines.append(f"  and {len(cannot) - _MOST_NAMED:,} more, see --json")
    return lines


def _as_json(campaign: Campaign, plan: CampaignPlan) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "recipients": len(campaign.recipients),
        "sendable": plan.sendable,
        "encodes": plan.encodes,
        "fit_ms": sum(g.fit_ms for g in plan.groups),
        "most_bytes": plan.most_bytes,
        "packing_s": round(plan.packing_s, 3),
        "groups": [
            {
                "receiver": _name(g),
                "recipients": len(g.recipients),
                "limit_bytes": g.profile.limit_bytes,
                "target_bytes": g.profile.target_bytes,
                "media_bytes": g.fitted.size_bytes if g.fitted is not None else None,
                "message_bytes_at_most": g.each_bytes if g.fitted is not None else None,
                "quality": _quality(g),
                "cached": g.cached,
                "fit_ms": g.fit_ms,
                "warnings": list(g.ledger.warnings) if g.ledger is not None else [],
            }
            for g in plan.groups
        ],
        "cannot": [
            {
                "line": campaign.recipients[place].line,
                "recipient": campaign.recipients[place].address,
                "code": failure.code,
                "message": failure.message,
                "would_take": _takes(group),
            }
            for place, failure, group in _cannot(plan)
        ],
    }
