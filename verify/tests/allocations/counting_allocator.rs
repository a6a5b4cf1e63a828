//! The system's allocator, with a count of what each thread asks it for; it has no block of more than [`LARGEST`] bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// Constant and without a destructor, so that counting allocates nothing itself.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// What is larger is refused, as a system without that much memory would.
pub(crate) const LARGEST: usize = 1 << 30;

struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: a request is refused, or goes to `System` as it came; nothing but a number changes beside it.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        if layout.size() > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        if layout.size() > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        if size > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `realloc`, which is `System`'s: every block is `System`'s.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is `System`'s: every block is `System`'s.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How often `f` asked for memory on this thread, and what it returned.
pub(crate) fn allocations<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let before = COUNT.get();
    let result = f();
    (COUNT.get() - before, result)
}
