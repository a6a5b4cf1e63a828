//! Numbers between two pages that nobody may touch.

use std::ptr::NonNull;

/// On which side the numbers lie flush against a forbidden page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// One number before the first is forbidden.
    Left,
    /// One number behind the last is forbidden.
    Right,
}

/// Numbers in pages of their own; touching a byte beyond them, on the flush side, ends the process.
#[derive(Debug)]
pub(crate) struct Guarded {
    mapping: NonNull<u8>,
    bytes: usize,
    first: NonNull<f32>,
    len: usize,
    writable: bool,
}

const PAGE: usize = 4096;

impl Guarded {
    /// The numbers, which may be read and written.
    pub(crate) fn new(numbers: &[f32], flush: Flush) -> Self {
        let used = size_of_val(numbers);
        let data = used.div_ceil(PAGE).max(1) * PAGE;
        let bytes = data + 2 * PAGE;
        // SAFETY: a new private mapping overlaps nothing.
        let mapping = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(mapping, libc::MAP_FAILED, "no memory for guarded pages");
        let mapping = NonNull::new(mapping.cast::<u8>()).expect("mmap does not return null");
        let offset = match flush {
            Flush::Left => PAGE,
            Flush::Right => PAGE + data - used,
        };
        // SAFETY: the offset lies inside the mapping.
        let first = unsafe { mapping.add(offset) }.cast::<f32>();
        let guarded = Self { mapping, bytes, first, len: numbers.len(), writable: true };
        guarded.protect(libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: the pages are writable, `used` bytes from `first` lie inside them, and nobody else has them; a page's end
        // is a multiple of four bytes, so that `first` is aligned.
        unsafe { first.copy_from_nonoverlapping(NonNull::from(numbers).cast(), numbers.len()) };
        guarded
    }

    /// The numbers, which may only be read: writing one ends the process.
    pub(crate) fn read_only(numbers: &[f32], flush: Flush) -> Self {
        let mut guarded = Self::new(numbers, flush);
        guarded.protect(libc::PROT_READ);
        guarded.writable = false;
        guarded
    }

    /// Sets what may be done with the pages between the forbidden ones.
    fn protect(&self, protection: libc::c_int) {
        // SAFETY: these pages belong to this mapping; whoever borrows from it borrows `self`.
        let failed =
            unsafe { libc::mprotect(self.mapping.add(PAGE).as_ptr().cast(), self.bytes - 2 * PAGE, protection) };
        assert_eq!(failed, 0, "pages cannot be protected");
    }

    /// The numbers.
    pub(crate) fn numbers(&self) -> &[f32] {
        // SAFETY: `new` wrote `len` numbers there, and the pages stay readable.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len).as_ref() }
    }

    /// The numbers, to be changed.
    pub(crate) fn numbers_mut(&mut self) -> &mut [f32] {
        assert!(self.writable, "these pages are read-only");
        // SAFETY: as in `numbers`, and the pages are writable.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len).as_mut() }
    }
}

/// What no kernel may do.
impl Guarded {
    /// Reads a number, or the one before the first or behind the last.
    pub(crate) fn touch(&self, at: isize) {
        assert!((-1..=self.len as isize).contains(&at));
        // SAFETY: the place lies inside the mapping, whose forbidden pages end the process before anything is read.
        let _ = unsafe { self.first.offset(at).read_volatile() };
    }

    /// Writes the first number even if the pages are read-only.
    pub(crate) fn overwrite(&self) {
        assert!(self.len > 0);
        // SAFETY: the place lies inside the mapping, whose read-only pages end the process before anything is written.
        unsafe { self.first.write_volatile(0.0) };
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and nothing borrows from it any more.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), self.bytes) };
    }
}
