//! The system's allocator, with a count of what each thread asks it for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Requests and bytes. Constant and without a destructor, so that counting allocates nothing itself.
    static COUNT: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn count(bytes: usize) {
    let (requests, total) = COUNT.get();
    COUNT.set((requests + 1, total + bytes));
}

// SAFETY: every request goes to `System` as it came; nothing but a number changes beside it.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the contract of `realloc`, which is `System`'s: every block is `System`'s.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is `System`'s: every block is `System`'s.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The requests of `f` on this thread, their bytes, and what it returned.
pub(crate) fn allocations<R>(f: impl FnOnce() -> R) -> (usize, usize, R) {
    let before = COUNT.get();
    let result = f();
    let after = COUNT.get();
    (after.0 - before.0, after.1 - before.1, result)
}
