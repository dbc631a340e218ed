//! Requests that wait are computed together.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// How long to sleep before looking again whether a request is still on its way.
const STEP: Duration = Duration::from_micros(100);

/// What is put into a batch.
pub(super) trait Item {
    /// How many images it has; `None` for what is not to be computed with others.
    fn images(&self) -> Option<usize>;
}

/// Takes what waits behind `first`, until there are `largest` images. While `is_expected` says that more is on its way it waits for
/// that, at most for `longest`. Also returns what came behind the batch, if it was taken from the queue and is no part of it.
pub(super) fn gather<T: Item>(
    first: T,
    queue: &Receiver<T>,
    is_expected: impl Fn() -> bool,
    largest: usize,
    longest: Duration,
) -> (Vec<T>, Option<T>) {
    let mut images = first.images().unwrap_or(largest);
    let mut batch = vec![first];
    let end = Instant::now() + longest;
    while images < largest {
        let next = match queue.try_recv() {
            Ok(next) => next,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() || !is_expected() {
                    break;
                }
                match queue.recv_timeout(left.min(STEP)) {
                    Ok(next) => next,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        match next.images() {
            Some(more) if images + more <= largest => images += more,
            _ => return (batch, Some(next)),
        }
        batch.push(next);
    }
    (batch, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    impl Item for usize {
        fn images(&self) -> Option<usize> {
            (*self < 1000).then_some(*self)
        }
    }

    const LONG: Duration = Duration::from_secs(5);

    #[test]
    fn what_waits_is_taken_up_to_the_largest_batch() {
        let (sender, queue) = channel();
        let gathered = |first, expected: bool, longest| gather(first, &queue, || expected, 32, longest);
        for images in [1, 10, 20, 5] {
            sender.send(images).unwrap();
        }
        let begin = Instant::now();
        assert_eq!(gathered(1, false, LONG), (vec![1, 1, 10, 20], None));
        assert_eq!(gathered(30, false, LONG), (vec![30], Some(5)));
        assert_eq!(gathered(100, true, LONG), (vec![100], None));
        sender.send(1000).unwrap();
        assert_eq!(gathered(1, true, LONG), (vec![1], Some(1000)), "what is alone is not waited for");
        assert_eq!(gathered(1, false, LONG), (vec![1], None), "and neither is what is not expected");
        assert!(begin.elapsed() < LONG);
        let begin = Instant::now();
        assert_eq!(gathered(1, true, Duration::from_millis(20)), (vec![1], None));
        assert!((20..1000).contains(&begin.elapsed().as_millis()));
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        let (sender, queue) = channel();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send(31).unwrap();
        });
        assert_eq!(gather(1, &queue, || true, 32, LONG), (vec![1, 31], None));
        other.join().unwrap();
        assert_eq!(gather(1, &queue, || true, 32, LONG), (vec![1], None), "nobody is left who could send");
    }
}
