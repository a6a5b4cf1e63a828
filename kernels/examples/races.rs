//! What threads share, for ThreadSanitizer: it reports nothing, and the race that `plant` plants.
//!
//! ```sh
//! RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" cargo +nightly run -p lanegrad-kernels \
//!     --target x86_64-unknown-linux-gnu --example races [plant]
//! ```
//! Not a test: the sanitizer does not see how the test harness, a part of `std`, synchronises its threads.

use lanegrad_kernels::elementwise::{MapInPlace, Scale};
use lanegrad_kernels::epilogue::Store;
use lanegrad_kernels::gemm::{Grid, Order, Product};
use lanegrad_kernels::isa::Isa;
use lanegrad_kernels::simd::{View, ViewMut};
use lanegrad_kernels::threads::{self, Pool, Team, Threads};
use std::sync::Arc;

fn main() {
    for threads in [2, 3, 4, 7] {
        let pool = Arc::new(Pool::new(threads).expect("a few threads are started"));
        let team = Team::eager(pool.clone());
        // What a call's tasks write, the caller and the tasks of the next call read.
        let mut numbers = vec![1_u64; 1000];
        for _ in 0..300 {
            team.share(numbers.chunks_mut(100), |part| part.iter_mut().for_each(|number| *number += 1));
            numbers.rotate_left(7);
        }
        assert!(numbers.iter().all(|number| *number == 301));
        for isa in Isa::available() {
            (0..20).for_each(|_| kernels(isa, &team));
        }
        if std::env::args().nth(1).is_some_and(|argument| argument == "plant") {
            race::run(&pool);
        }
    }
}

/// A product, and a map over its result.
fn kernels(isa: Isa, team: &Team) {
    let (m, n, k) = (23, 70, 9);
    let (a, b, mut c) = (vec![0.5; m * k], vec![2.0; k * n], vec![f32::NAN; m * n]);
    let fits = "the slices were made for it";
    let (a, b) = (View::row_major(&a, m, k).expect(fits), View::row_major(&b, k, n).expect(fits));
    let grid = Grid::new(isa.lowering(), [m, n, k], team).expect("no product is too small");
    let mut workspace = vec![0.0; grid.workspace_len(k).expect("it is small")];
    let output = ViewMut::row_major(&mut c, m, n).expect(fits);
    let order = Order::Chain { accumulate: false };
    Product::new(isa.lowering(), order, a, b, output, Store).share(isa, team, grid, &mut workspace);
    threads::run(isa, Some(team), MapInPlace { map: Scale(2.0), x: &mut c });
    assert!(c.iter().all(|c| *c == 2.0 * k as f32));
}

#[expect(unsafe_code, reason = "the race that a sanitizer must find")]
mod race {
    use super::{Pool, Threads};
    use std::cell::UnsafeCell;

    struct Shared(UnsafeCell<u64>);

    // SAFETY: there is none. That is the race.
    unsafe impl Sync for Shared {}

    impl Shared {
        fn add(&self) {
            // SAFETY: there is none.
            unsafe { *self.0.get() += 1 }
        }
    }

    pub(super) fn run(pool: &Pool) {
        let shared = Shared(UnsafeCell::new(0));
        (0..1000).for_each(|_| pool.run(4, &|_| shared.add()));
    }
}
