//! What a block begins with: everything that falls due by time, so that nobody must ask for it.

use super::{case, committee, epoch, expulsion, review};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::record::{Queue, QueueItem, QueueKind};
use crate::reject::Reject;
use crate::view::View;
use alloc::string::ToString;
use rampart_protocol::{B256, CaseId, PurchaseId, Timestamp};

/// Deadlines of one queue that a block works off at most; the others wait for the next block.
const PER_BLOCK: u64 = 8;

/// Ends the epoch if it is over, and works off what is due.
pub(crate) fn begin<V: View>(draft: &mut Draft<'_, V>) -> Result<(), Fault> {
    // A block must be able to begin: what cannot be done, for a number that overflows, is left as it is.
    committee::draw(draft)?;
    let advanced = draft.attempt(epoch::advance)?;
    report(draft, B256::ZERO, advanced);
    for kind in QueueKind::ALL {
        for _ in 0..PER_BLOCK {
            let Some(subject) = pop(draft, kind)? else {
                break;
            };
            let done = draft.attempt(|draft| act(draft, kind, subject))?;
            report(draft, subject, done);
        }
    }
    Ok(())
}

fn report<V: View>(draft: &mut Draft<'_, V>, subject: B256, done: Result<(), Reject>) {
    if let Err(reject) = done {
        draft.emit(Event::DeadlineFailed {
            subject,
            reason: reject.to_string(),
        });
    }
}

fn act<V: View>(draft: &mut Draft<'_, V>, kind: QueueKind, subject: B256) -> Result<(), Fault> {
    match kind {
        QueueKind::Challenge => review::stand(draft, PurchaseId(subject)),
        QueueKind::Round => case::count(draft, CaseId(subject)),
        QueueKind::Escalation => case::expire(draft, CaseId(subject)),
        QueueKind::Compensation => expulsion::close_compensation(draft, subject),
    }
}

/// Puts a deadline at the end of its queue: it is worked off by the first block after `due`.
pub(super) fn enqueue<V: View>(
    draft: &mut Draft<'_, V>,
    kind: QueueKind,
    due: Timestamp,
    subject: B256,
) -> Result<(), Fault> {
    let queue = queue(draft, kind)?;
    let number = queue.tail;
    queue.tail = super::funds::next(number, "the number of deadlines")?;
    draft.put(QueueItem {
        queue: kind,
        number,
        due,
        subject,
    });
    Ok(())
}

/// Takes the oldest deadline of a queue, if it is due.
fn pop<V: View>(draft: &mut Draft<'_, V>, kind: QueueKind) -> Result<Option<B256>, Fault> {
    let Queue { head, tail } = *queue(draft, kind)?;
    if head == tail {
        return Ok(None);
    }
    let key = Key::queue_item(kind, head);
    let item: QueueItem = draft.existing(&key, "a deadline is missing from its queue")?;
    if draft.now() <= item.due {
        return Ok(None);
    }
    queue(draft, kind)?.head = head.checked_add(1).ok_or(Reject::Overflow {
        what: "the number of deadlines",
    })?;
    draft.remove(key);
    Ok(Some(item.subject))
}

fn queue<'d, V: View>(draft: &'d mut Draft<'_, V>, kind: QueueKind) -> Result<&'d mut Queue, Corrupt> {
    let corrupt = Corrupt {
        key: Key::globals(),
        what: "a queue is missing",
    };
    draft
        .globals
        .queues
        .get_mut(usize::from(kind as u8))
        .ok_or(corrupt)
}
