//! A child after a fork, in which the parent's threads do not exist, builds a backend of its own.

#![expect(unsafe_code, reason = "the functions of libc that make a child and wait for it")]

use lanegrad::*;
use std::time::{Duration, Instant};

const SIDE: usize = 160;

fn sum(backend: &mut Backend) -> u64 {
    let x: Vec<f32> = (0..SIDE * SIDE).map(|at| (at % 17) as f32 / 16.0).collect();
    let mut z = vec![0.0; SIDE * SIDE];
    let x = MatRef::new(&x, SIDE, SIDE).unwrap();
    let layer = dense::Forward { x, w: x, bias: None, activation: Activation::Tanh };
    dense::forward(backend, layer, MatMut::new(&mut z, SIDE, SIDE).unwrap()).unwrap();
    z.iter().map(|z| u64::from(z.to_bits())).sum()
}

#[test]
#[cfg(unix)]
fn a_child_builds_its_own_backend() {
    let mut backend = Backend::builder().threads(3).build().unwrap();
    let expected = sum(&mut backend);
    // SAFETY: the child calls no function of the parent's locks but the allocator, which libc makes usable in a child.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let right = sum(&mut Backend::builder().threads(3).build().unwrap()) == expected;
        // SAFETY: ends the child without the destructors of the parent's objects.
        unsafe { libc::_exit(if right { 0 } else { 1 }) }
    }
    assert!(child > 0, "there is a child");
    let (start, mut status) = (Instant::now(), -1);
    // SAFETY: the status is a variable of this function.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "the child hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(status, 0, "the child's bits are the parent's");
    assert_eq!(sum(&mut backend), expected, "the parent's threads are still there");
}
