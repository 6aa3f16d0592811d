"""The command `campaign`: plans one message to many recipients, then packs it for each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from mmscontent.batch.model import Failure, Settings
from mmscontent.batch.resume import BatchRun
from mmscontent.campaign import (
    Campaign,
    CampaignPlan,
    FittedMediaCache,
    RecipientGroup,
    default_folder,
    items_of,
    plan_campaign,
    read_recipients,
    read_template,
    render_messages,
)
from mmscontent.campaign.cache import DEFAULT_BOUND_BYTES
from mmscontent.cli.batch import receivers_from, sigterm_as_interrupt
from mmscontent.cli.options import (
    effort_option,
    encoding_option,
    json_option,
    pool_from,
    pool_options,
    profile_from,
    profile_options,
    resume_option,
    with_options,
)
from mmscontent.cli.output import print_status, reserved_stdout, write_json
from mmscontent.cli.progress import RunTotals, progress_bar
from mmscontent.ledger import columns

SCHEMA = "mmscontent.campaign/1"
SOME_CANNOT = 1
_MAX_NAMED = 10


_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_options = with_options(
    click.argument("recipients", type=_FILE, metavar="RECIPIENTS"),
    click.argument("message", type=_FILE, metavar="MESSAGE"),
    profile_options,
    encoding_option(),
    effort_option,
    click.option(
        "--timeout", type=click.FloatRange(min=1), default=300, show_default=True, help="Seconds for fitting one group."
    ),
    click.option("--cache", type=click.Path(path_type=Path), help="Folder of fitted media; by default the user's own."),
    click.option(
        "--cache-bytes",
        type=click.IntRange(min=0),
        default=DEFAULT_BOUND_BYTES,
        show_default=True,
        help="Largest size of the cache, in bytes.",
    ),
    pool_options,
)


@click.group("campaign")
def campaign_group() -> None:
    """Prepare one message for many recipients: media are fitted once per group, then packed with each one's text."""


@campaign_group.command("plan")
@_options
@json_option
def plan_command(*, as_json: bool, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Show the size and cost of a campaign, and who cannot receive it, before anything is sent.

    RECIPIENTS is CSV or JSON lines with a column recipient, the columns that name a receiver (profile, or carrier,
    route, device, class, max_bytes), and any others. MESSAGE is JSON: files, text, subject, from; {name} in a text
    stands for the column name. Exit status 1 when a recipient cannot receive it.
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
@click.option("-o", "--output", required=True, type=_PATH, help="Folder for messages and journal.")
@resume_option
@click.option("--jsonl", is_flag=True, help="Print the journal line of each recipient on standard output.")
def render_command(*, output: Path, resume: bool, jsonl: bool, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Pack the message of every recipient; media are fitted once per group, or come from the cache.

    Exit status 1 when a recipient cannot receive it.
    """
    campaign = _campaign(options)
    settings = Settings(
        profile_from(options), encoding=campaign.encoding, effort=campaign.effort, smil=campaign.template.smil
    )
    settings_in_words = {"message": campaign.template.digest, "encoding": campaign.encoding, "effort": campaign.effort}
    items = items_of(campaign)
    with (
        BatchRun(output, settings, settings_in_words, resumes=resume) as batch,
        sigterm_as_interrupt(),
        reserved_stdout() as stdout,
    ):
        state = batch.resume_state(items)
        if state.finished:
            counts = f"{len(state.finished):,} recipients are finished in the journal, {len(state.remaining):,} remain"
            print_status(counts)
        plan = _plan(campaign, options)
        print_status(f"{len(plan.groups):,} groups, {plan.encodes:,} of them fitted now")
        totals = RunTotals(state.finished)
        try:
            records = batch.record_results(state.remaining, render_messages(campaign, plan, state.remaining))
            with progress_bar(len(items), totals) as show, closing(records):
                for record in records:
                    totals.add(record)
                    show(totals)
                    if jsonl:
                        click.echo(record.line(), file=stdout)
        finally:
            lines = [*totals.lines(len(items)), f"messages and journal: {output}"]
            click.echo("\n".join(lines), file=sys.stderr if jsonl else stdout)
    return SOME_CANNOT if totals.without_output else 0


def _campaign(options: dict[str, Any]) -> Campaign:
    template = read_template(options["message"])
    recipients = read_recipients(options["recipients"], template, receivers_from(options))
    return Campaign(template, recipients, options["encoding"], options["effort"], options["timeout"])


def _plan(campaign: Campaign, options: dict[str, Any]) -> CampaignPlan:
    cache = FittedMediaCache(options["cache"] or default_folder(), options["cache_bytes"])
    return plan_campaign(campaign, cache, pool_from(options))


# --- output ------------------------------------------------------------------------------------------------------


def _cannot(plan: CampaignPlan) -> Iterator[tuple[int, Failure, RecipientGroup | None]]:
    """Who cannot receive it: index of the recipient, reason, and the group that could not be fitted."""
    yield from ((index, failure, None) for index, failure in plan.faults)
    for group in plan.groups:
        if group.fitted is None and group.failure is not None:
            yield from ((index, group.failure, group) for index in group.recipients)


def _refusal_options(group: RecipientGroup | None) -> list[dict[str, object]]:
    """The options of a refusal: changes that would make it fit."""
    return [o.as_json() for o in group.ledger.options] if group is not None and group.ledger is not None else []


def _name(group: RecipientGroup) -> str:
    p = group.profile
    return " ".join(n for n in (p.carrier, p.route, p.device, p.content_class) if n) or "any receiver"


def _quality(group: RecipientGroup) -> float | None:
    entries = [p.entry.predicted for p in group.fitted.parts if p is not None] if group.fitted is not None else []
    return min((q for q in entries if q is not None), default=None)


def _lines(campaign: Campaign, plan: CampaignPlan) -> list[str]:
    rows = [("receiver", "recipients", "limit", "media", "message, at most", "quality", "fitted")]
    for group in plan.groups:
        quality = _quality(group)
        fitted = "refused" if group.fitted is None else ("in the cache" if group.cached else f"in {group.fit_ms:,} ms")
        rows.append(
            (
                _name(group),
                f"{len(group.recipients):,}",
                f"{group.profile.limit_bytes:,}",
                f"{group.fitted.size_bytes:,}" if group.fitted is not None else "",
                f"{group.message_bytes:,}",
                f"{quality:.0f}" if quality is not None else "",
                fitted,
            )
        )
    cannot = list(_cannot(plan))
    fit_ms = sum(g.fit_ms for g in plan.groups)
    sizes = f"at most {plan.most_bytes:,} bytes to send, about {plan.packing_s:.1f} s to pack"
    lines = [
        columns(rows),
        "",
        f"{len(campaign.recipients):,} recipients, {plan.sendable:,} can receive it, {len(cannot):,} cannot.",
        f"{plan.encodes:,} encodes in {fit_ms / 1000:.1f} s; {sizes}.",
    ]
    for index, failure, refused in cannot[:_MAX_NAMED]:
        who = campaign.recipients[index]
        lines.append(f"  line {who.line}, {who.address}: {failure.message}")
        lines += [
            f"    would take: {o['do']} {o['part'] or ''} {o['gives']}".rstrip() for o in _refusal_options(refused)[:3]
        ]
    if len(cannot) > _MAX_NAMED:
        lines.append(f"  and {len(cannot) - _MAX_NAMED:,} more; --json lists all")
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
                "message_bytes_at_most": g.message_bytes if g.fitted is not None else None,
                "quality": _quality(g),
                "cached": g.cached,
                "fit_ms": g.fit_ms,
                "warnings": list(g.ledger.warnings) if g.ledger is not None else [],
            }
            for g in plan.groups
        ],
        "cannot": [
            {
                "line": campaign.recipients[index].line,
                "recipient": campaign.recipients[index].address,
                "code": failure.code,
                "message": failure.message,
                "would_take": _refusal_options(group),
            }
            for index, failure, group in _cannot(plan)
        ],
    }
