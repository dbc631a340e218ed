//! Work shared among threads, for the loops that libtorch has no operation for.
//!
//! The threads stay for a moment and sleep between two pieces of work: a deep network's training has a hundred of them in each step. Whoever has time takes
//! the next part, so that on a busy machine nobody waits for a thread that has not begun.

use std::any::Any;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Into how many shares for each thread work is divided: with more than one, a thread that is held up keeps others waiting for less.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) const SHARES: usize = 4;

/// How many threads libtorch uses.
pub(crate) fn count() -> usize {
    tch::get_num_threads().max(1) as usize
}

/// Does the work for each part, on several threads at the same time; this one is among them.
pub(crate) fn on_each<T: Send>(parts: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    on_each_with((0..count()).map(|_| ()), parts, |(), part| work(part));
}

/// The same, with something for each thread that works: there are as many as `own` has items.
pub(crate) fn on_each_with<S: Send, T: Send>(
    own: impl Iterator<Item = S>,
    parts: impl Iterator<Item = T> + Send,
    work: impl Fn(&mut S, T) + Sync,
) {
    let own: Vec<Mutex<S>> = own.map(Mutex::new).collect();
    let parts = Mutex::new(parts);
    let next = || locked(&parts).next();
    shared(own.len(), &|worker| {
        let mut own = locked(&own[worker]);
        while let Some(part) = next() {
            work(&mut own, part);
        }
    });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Work that threads may join.
struct Job {
    id: u64,
    work: &'static (dyn Fn(usize) + Sync),
    /// The number that the next worker gets, up to `workers`.
    next: usize,
    workers: usize,
    active: usize,
    panic: Option<Box<dyn Any + Send>>,
}

#[derive(Default)]
struct Pool {
    jobs: Vec<Job>,
    last_id: u64,
    /// Threads that there are.
    threads: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { jobs: Vec::new(), last_id: 0, threads: 0 });
/// How long a thread waits for work before it ends. A notebook's cells each have a copy of this crate, and so threads of their own.
const IDLE: Duration = Duration::from_secs(1);
/// There is work to join.
static BEGUN: Condvar = Condvar::new();
/// A worker is done.
static DONE: Condvar = Condvar::new();

/// Calls `work(0)` here, and at the same time `work(1)` and so on where a thread has time, up to `workers` in all. Comes back when all that
/// have begun are done.
fn shared(workers: usize, work: &(dyn Fn(usize) + Sync)) {
    if workers < 2 {
        return work(0);
    }
    // SAFETY: the job is taken out of the list before this function returns, and nobody then calls it any more.
    let work: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
    let mut pool = locked(&POOL);
    while pool.threads < workers - 1 && std::thread::Builder::new().name("cnn".into()).spawn(helper).is_ok() {
        pool.threads += 1;
    }
    pool.last_id += 1;
    let id = pool.last_id;
    pool.jobs.push(Job { id, work, next: 1, workers, active: 0, panic: None });
    drop(pool);
    for _ in 1..workers {
        BEGUN.notify_one();
    }
    let own = catch_unwind(AssertUnwindSafe(|| work(0)));
    let mut pool = locked(&POOL);
    let place =
        |pool: &Pool| pool.jobs.iter().position(|job| job.id == id).expect("only this function takes it out");
    let index = place(&pool);
    pool.jobs[index].next = workers;
    while pool.jobs[place(&pool)].active > 0 {
        pool = DONE.wait(pool).unwrap_or_else(|poisoned| poisoned.into_inner());
    }
    let index = place(&pool);
    let job = pool.jobs.swap_remove(index);
    drop(pool);
    if let Some(panic) = own.err().or(job.panic) {
        resume_unwind(panic);
    }
}

/// What the pool's threads do.
fn helper() {
    let mut pool = locked(&POOL);
    loop {
        let Some(job) = pool.jobs.iter_mut().find(|job| job.next < job.workers) else {
            let (waited, idle) =
                BEGUN.wait_timeout(pool, IDLE).unwrap_or_else(|poisoned| poisoned.into_inner());
            pool = waited;
            if idle.timed_out() && !pool.jobs.iter().any(|job| job.next < job.workers) {
                pool.threads -= 1;
                return;
            }
            continue;
        };
        let (id, work, worker) = (job.id, job.work, job.next);
        (job.next, job.active) = (job.next + 1, job.active + 1);
        drop(pool);
        let result = catch_unwind(AssertUnwindSafe(|| work(worker)));
        pool = locked(&POOL);
        let job = pool.jobs.iter_mut().find(|job| job.id == id).expect("it waits for its workers");
        job.active -= 1;
        job.panic = job.panic.take().or(result.err());
        if job.active == 0 {
            DONE.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_part_is_done_once_and_each_thread_has_its_own() {
        for workers in [1, 2, 7] {
            for parts in [0, 1, 50] {
                let (mut done, mut own) = (vec![0; parts], vec![0; workers]);
                on_each_with(own.iter_mut(), done.iter_mut(), |own, part| {
                    *part += 1;
                    **own += 1;
                });
                assert!(done.iter().all(|&times| times == 1), "{workers} {parts}: {done:?}");
                assert_eq!(own.iter().sum::<usize>(), parts, "{workers}: {own:?}");
            }
        }
    }

    #[test]
    fn several_may_share_work_at_the_same_time() {
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        on_each_with(0..3, 0..10, |_, part| {
                            total.fetch_add(part, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 8 * 200 * 45);
    }

    #[test]
    fn a_panic_comes_to_whoever_shared_the_work_and_leaves_the_threads_working() {
        for part in 0..20 {
            let result = catch_unwind(|| on_each_with(0..4, 0..20, |_, number| assert_ne!(number, part)));
            assert!(result.is_err());
        }
        let done = AtomicUsize::new(0);
        on_each_with(0..4, 0..20, |_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 20);
    }
}
