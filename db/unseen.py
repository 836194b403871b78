"""Images that no file shows any more: a later version of a decoder drew other pixels, and they stayed due for ever."""

from sqlalchemy import exists, select

from db import stages
from db.engine import Database
from db.models import Frame, Ledger
from db.vocabulary import Outcome, Stage

REASON = "no file shows these pixels any more"


def settle_unseen(database: Database, version: int) -> int:
    """Settle due images that are the first frame of no blob as `ignored`; return how many.

    Should a file show one again, recording its frames makes it due again.
    """
    shown = exists().where(Frame.image_id == Ledger.subject_id, Frame.number == 0)
    unseen = select(Ledger.subject_id, Ledger.asked).where(
        Ledger.stage == Stage.SLICE, Ledger.outcome == Outcome.PENDING, ~shown
    )
    with database.read() as connection:
        if connection.execute(unseen.limit(1)).first() is None:
            return 0
    with database.write() as connection:
        ends = [
            stages.Settled(image_id, Outcome.IGNORED, version, reason=REASON, asked=asked)
            for image_id, asked in connection.execute(unseen)
        ]
        stages.settle_all(connection, Stage.SLICE, ends)
    return len(ends)
