//! Requests for several things at a time, where none depends on the others.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// The results of `work` for each item, in the order of the items, with a number of threads. A
/// single thread works in that order.
pub fn map_parallel<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let queue = Mutex::new(items.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker =
        || -> Vec<(usize, R)> { std::iter::from_fn(next).map(|(at, item)| (at, work(item))).collect() };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.chain([own]).flatten().collect()
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_have_the_order_of_the_items_and_items_are_worked_on_together() {
        assert_eq!(map_parallel(&[3, 1, 2], 1, |number| number * 2), [6, 2, 4]);
        assert!(map_parallel(&[], 8, |number: &i32| *number).is_empty());
        // Each waits for the two others.
        let barrier = Barrier::new(3);
        let waited = |number: &i32| {
            barrier.wait();
            *number
        };
        assert_eq!(map_parallel(&[3, 1, 2], 3, waited), [3, 1, 2]);
        assert_eq!(
            map_parallel(&(0..100).collect::<Vec<_>>(), 7, |number| *number),
            (0..100).collect::<Vec<_>>()
        );
    }
}
