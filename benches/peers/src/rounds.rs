//! Ours and each peer in turn, again and again, so that a change of the clock or a neighbour on the machine meets all alike.
//!
//! A round runs, for each peer, ours and the peer one right after the other; which goes first alternates. The ratio of their
//! times is taken pair by pair; its median over the rounds is what counts.

use std::thread;
use std::time::{Duration, Instant};

/// How often, and how long each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) time: Duration,
    /// Before each measurement, so that the threads of whoever was measured before it have gone to sleep.
    pub(crate) pause: Duration,
}

/// Somebody's way to do a piece of work on the operands `T`.
pub(crate) struct Contestant<'a, T> {
    name: String,
    run: Box<Run<'a, T>>,
}

/// Does the work so many times, and returns the seconds that it took.
type Run<'a, T> = dyn FnMut(&mut T, u32) -> f64 + 'a;

/// Seconds for one piece of work.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) ours: f64,
    pub(crate) peers: Vec<PeerTime>,
}

#[derive(Clone, Debug)]
pub(crate) struct PeerTime {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    /// The peer's time ÷ ours: above 1, ours is faster.
    pub(crate) ratio: f64,
}

impl<'a, T> Contestant<'a, T> {
    pub(crate) fn new(name: impl Into<String>, mut run: impl FnMut(&mut T) + 'a) -> Self {
        Self::timed_elsewhere(name, move |operands, repeats| {
            let start = Instant::now();
            for _ in 0..repeats {
                run(operands);
            }
            start.elapsed().as_secs_f64()
        })
    }

    /// One that does the work so many times by itself, and returns the seconds that it took.
    pub(crate) fn timed_elsewhere(name: impl Into<String>, run: impl FnMut(&mut T, u32) -> f64 + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// How often it must be run to take `time`. The first run may do what is done once, and does not count.
    fn repeats(&mut self, operands: &mut T, time: Duration) -> u32 {
        (self.run)(operands, 1);
        let mut repeats = 1;
        loop {
            let elapsed = (self.run)(operands, repeats).max(1e-9);
            if elapsed >= time.as_secs_f64() / 4.0 {
                return (f64::from(repeats) * time.as_secs_f64() / elapsed).ceil().max(1.0) as u32;
            }
            repeats *= 2;
        }
    }

    /// Seconds for one piece of work, the mean of `repeats`. If they are many, what others left in the caches is driven out
    /// first.
    fn seconds(&mut self, operands: &mut T, repeats: u32, pause: Duration) -> f64 {
        thread::sleep(pause);
        if repeats > 1 {
            (self.run)(operands, 1);
        }
        (self.run)(operands, repeats) / f64::from(repeats)
    }
}

impl Rounds {
    pub(crate) fn run<T>(
        self,
        operands: &mut T,
        mut ours: Contestant<'_, T>,
        peers: &mut [Contestant<'_, T>],
    ) -> Times {
        let our_repeats = ours.repeats(operands, self.time);
        let peer_repeats: Vec<u32> = peers.iter_mut().map(|peer| peer.repeats(operands, self.time)).collect();
        let mut our_seconds = Vec::new();
        let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); peers.len()];
        for round in 0..self.count {
            for ((peer, &repeats), pairs) in peers.iter_mut().zip(&peer_repeats).zip(&mut pairs) {
                let (our, their);
                if round % 2 == 0 {
                    our = ours.seconds(operands, our_repeats, self.pause);
                    their = peer.seconds(operands, repeats, self.pause);
                } else {
                    their = peer.seconds(operands, repeats, self.pause);
                    our = ours.seconds(operands, our_repeats, self.pause);
                }
                our_seconds.push(our);
                pairs.push((our, their));
            }
            if peers.is_empty() {
                our_seconds.push(ours.seconds(operands, our_repeats, self.pause));
            }
        }
        let peers = peers.iter().zip(&pairs).map(|(peer, pairs)| PeerTime {
            name: peer.name.clone(),
            seconds: median(pairs.iter().map(|&(_, their)| their)),
            ratio: median(pairs.iter().map(|&(our, their)| their / our)),
        });
        Times { ours: median(our_seconds), peers: peers.collect() }
    }

    /// The fastest of several ways to do the same: a peer is called its best way.
    pub(crate) fn fastest<'a, T>(self, operands: &mut T, ways: Vec<Contestant<'a, T>>) -> Option<Contestant<'a, T>> {
        if ways.len() < 2 {
            return ways.into_iter().next();
        }
        let timed = ways.into_iter().map(|mut way| {
            let repeats = way.repeats(operands, self.time);
            let best = (0..3).map(|_| way.seconds(operands, repeats, self.pause)).fold(f64::INFINITY, f64::min);
            (best, way)
        });
        timed.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, way)| way)
    }
}

/// The middle one, or the mean of the two middle ones; NaN for none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len => (values[(len - 1) / 2] + values[len / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Contestant, Rounds, median};
    use std::time::Duration;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_ratio_above_one_says_that_ours_is_faster() {
        let contestant = |name, seconds: f64| {
            Contestant::timed_elsewhere(name, move |(): &mut (), repeats| seconds * f64::from(repeats))
        };
        let rounds = Rounds { count: 3, time: Duration::from_millis(1), pause: Duration::ZERO };
        let mut peers = [contestant("half as fast", 2e-6), contestant("twice as fast", 0.5e-6)];
        let times = rounds.run(&mut (), contestant("ours", 1e-6), &mut peers);
        let ratios: Vec<f64> = times.peers.iter().map(|peer| peer.ratio).collect();
        assert!((ratios[0] - 2.0).abs() < 1e-9 && (ratios[1] - 0.5).abs() < 1e-9, "{ratios:?}");
    }
}
