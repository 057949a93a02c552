"""``confirm``: what is refused because it looks like an accident, and a person's yes to it."""

from typing import TYPE_CHECKING

import click

from albumen.cli.session import Session, dry_run, options

if TYPE_CHECKING:
    from albumen.model import Refused
    from albumen.operations.refusing import Confirmation

_NAMED = 20  # files named one by one; ``--json`` names all


@click.command()
@click.argument("id", required=False)
@dry_run
@options
def confirm(session: Session, id: str | None, dry_run: bool) -> int:
    """Say yes to a change that was held back because it looks like an accident.

    Without an ID it lists what is held back. `--dry-run` first: it prints what the same command would do. Exactly that is confirmed:
    files that are back by then stay, files that are missing since are not meant.
    """
    import time

    now = time.time_ns()
    with session.looking() as app:
        refusals = app.refusals
        if id is None:
            return _list(session, refusals.all(now))
        planned = refusals.plan(refusals.find(id, now))
        _show(session, planned)
        if not dry_run:
            refusals.do(planned)
    if not session.json:
        session.say("nothing was changed" if dry_run else "confirmed")
    return 0


def _list(session: Session, refused: "tuple[Refused, ...]") -> int:
    from albumen.operations.look import moment

    for one in refused:
        session.record(one) if session.json else session.say(f"{one.id}  {moment(one.at)}  {one.place}: {one.why}")
    if not refused and not session.json:
        session.say("nothing is refused")
    return 0


def _show(session: Session, planned: "Confirmation") -> None:
    if session.json:
        session.record(planned)
        return
    session.say(f"{planned.refused.place}: {planned.refused.why}")
    for sentence in planned.does:
        session.say(sentence)
    for path in planned.files[:_NAMED]:
        session.say(f"  {path}")
    if len(planned.files) > _NAMED:
        session.say(f"  and {len(planned.files) - _NAMED} more, {len(planned.files)} in all")
