//! What can go wrong: codes, and the message of the last error of each thread.

use core::cell::Cell;
use core::ffi::c_char;
use core::fmt::{self, Write};
use lanegrad::Error;

/// What a function returns.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum lanegrad_status {
    /// No error.
    LANEGRAD_OK = 0,
    /// A matrix has the wrong shape.
    LANEGRAD_ERROR_SHAPE = 1,
    /// A vector has the wrong length.
    LANEGRAD_ERROR_LENGTH = 2,
    /// A matrix reaches beyond its memory.
    LANEGRAD_ERROR_TOO_SHORT = 3,
    /// The sizes overflow: the memory described does not fit in the address space.
    LANEGRAD_ERROR_OVERFLOW = 4,
    /// An output has neither contiguous rows nor contiguous columns, or they overlap.
    LANEGRAD_ERROR_STRIDES = 5,
    /// The rows of a loss's output are not contiguous.
    LANEGRAD_ERROR_LAYOUT = 6,
    /// A label is not less than the number of classes.
    LANEGRAD_ERROR_LABEL = 7,
    /// A hyper-parameter is NaN, infinite or out of range.
    LANEGRAD_ERROR_HYPER_PARAMETER = 8,
    /// There are no examples.
    LANEGRAD_ERROR_EMPTY = 9,
    /// A loss does not fit the last layer's activation.
    LANEGRAD_ERROR_LOSS = 10,
    /// The state of a tensor belongs to another rule, or the tensor is not at the point where its gradient is taken.
    LANEGRAD_ERROR_STATE = 11,
    /// Two tensors have the same key.
    LANEGRAD_ERROR_KEY = 12,
    /// The instruction set that LANEGRAD_ISA names is unknown or not available.
    LANEGRAD_ERROR_ISA = 13,
    /// The number of threads is not from 1 to 64, or the system refuses to start one.
    LANEGRAD_ERROR_THREADS = 14,
    /// There is no memory.
    LANEGRAD_ERROR_OUT_OF_MEMORY = 15,
    /// An error that this version of the interface does not know.
    LANEGRAD_ERROR_OTHER = 99,
    /// A pointer is NULL.
    LANEGRAD_ERROR_NULL = 100,
    /// A pointer is not aligned for its type.
    LANEGRAD_ERROR_MISALIGNED = 101,
    /// An output overlaps another operand.
    LANEGRAD_ERROR_OVERLAP = 102,
    /// There is no such activation.
    LANEGRAD_ERROR_ACTIVATION = 103,
    /// A bug in lanegrad. Outputs and states may have been written.
    LANEGRAD_ERROR_INTERNAL = 199,
}
use lanegrad_status::*;

/// Why a call fails.
#[derive(Debug)]
pub(crate) enum Fault {
    Library(Error),
    Null { operand: &'static str },
    Misaligned { operand: &'static str, alignment: usize },
    Overlap { output: &'static str, other: &'static str },
    Activation { found: i32 },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl Fault {
    fn status(&self) -> lanegrad_status {
        match self {
            Self::Null { .. } => LANEGRAD_ERROR_NULL,
            Self::Misaligned { .. } => LANEGRAD_ERROR_MISALIGNED,
            Self::Overlap { .. } => LANEGRAD_ERROR_OVERLAP,
            Self::Activation { .. } => LANEGRAD_ERROR_ACTIVATION,
            Self::Library(error) => match error {
                Error::Shape { .. } => LANEGRAD_ERROR_SHAPE,
                Error::Length { .. } => LANEGRAD_ERROR_LENGTH,
                Error::TooShort { .. } => LANEGRAD_ERROR_TOO_SHORT,
                Error::Overflow { .. } => LANEGRAD_ERROR_OVERFLOW,
                Error::Strides { .. } => LANEGRAD_ERROR_STRIDES,
                Error::Layout { .. } => LANEGRAD_ERROR_LAYOUT,
                Error::Label { .. } => LANEGRAD_ERROR_LABEL,
                Error::HyperParameter { .. } => LANEGRAD_ERROR_HYPER_PARAMETER,
                Error::Empty { .. } => LANEGRAD_ERROR_EMPTY,
                Error::Loss { .. } => LANEGRAD_ERROR_LOSS,
                Error::State { .. } => LANEGRAD_ERROR_STATE,
                Error::Key { .. } => LANEGRAD_ERROR_KEY,
                Error::Isa { .. } => LANEGRAD_ERROR_ISA,
                Error::Threads { .. } => LANEGRAD_ERROR_THREADS,
                Error::OutOfMemory { .. } => LANEGRAD_ERROR_OUT_OF_MEMORY,
                _ => LANEGRAD_ERROR_OTHER,
            },
        }
    }
}

/// Sets the thread's message, and returns the code.
#[cold]
pub(crate) fn report(operation: &str, fault: &Fault) -> i32 {
    set_message(format_args!("{}", Message(operation, fault)));
    fault.status() as i32
}

/// Sets the thread's message to that of a panic, and returns the code.
#[cold]
pub(crate) fn report_panic(operation: &str, payload: &(dyn core::any::Any + Send)) -> i32 {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    set_message(format_args!("{operation}: a bug in lanegrad: {text}"));
    LANEGRAD_ERROR_INTERNAL as i32
}

struct Message<'a>(&'a str, &'a Fault);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(operation, fault) = self;
        match fault {
            Fault::Library(error) => error.fmt(f),
            Fault::Null { operand } => write!(f, "{operation}: the pointer to the {operand} is NULL"),
            Fault::Misaligned { operand, alignment } => {
                write!(f, "{operation}: the pointer to the {operand} is not aligned to {alignment} bytes")
            }
            Fault::Overlap { output, other } => write!(f, "{operation}: the {output} and the {other} overlap"),
            Fault::Activation { found } => {
                write!(f, "{operation}: there is no activation {found}, expected one of lanegrad_activation")
            }
        }
    }
}

/// A message with its terminator. It has a fixed size, so that reporting allocates nothing.
struct Text {
    bytes: [u8; Self::SIZE],
    len: usize,
}

impl Text {
    const SIZE: usize = 512;
}

/// Writes as many characters as there is room for.
impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(Self::SIZE - 1 - self.len);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[self.len..self.len + end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += end;
        if end == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

thread_local! {
    static MESSAGE: Cell<[u8; Text::SIZE]> = const { Cell::new([0; Text::SIZE]) };
}

fn set_message(message: fmt::Arguments<'_>) {
    let mut text = Text { bytes: [0; Text::SIZE], len: 0 };
    // An error means that the text was cut.
    let _ = text.write_fmt(message);
    MESSAGE.set(text.bytes);
}

/// Points to the thread's message.
pub(crate) fn message() -> *const c_char {
    MESSAGE.with(|message| message.as_ptr().cast_const().cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_library_has_a_code() {
        let variants = |source: &str, from: &str| -> Vec<String> {
            let body = source.split_once(from).expect("the enum").1.split_once("\n}").expect("its end").0;
            let names = body.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
            names.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).map(String::from).collect()
        };
        let names = variants(include_str!("../../../src/error.rs"), "pub enum Error {");
        assert!(names.len() >= 15, "{names:?}");
        for name in names {
            let arm = format!("Error::{name} {{ .. }} => LANEGRAD_ERROR_");
            assert!(include_str!("status.rs").contains(&arm), "{name} has no code");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        set_message(format_args!("a{}", "×".repeat(1000)));
        let bytes = MESSAGE.get();
        let end = bytes.iter().position(|&byte| byte == 0).expect("a terminator");
        let text = core::str::from_utf8(&bytes[..end]).expect("whole characters");
        assert_eq!((text.len(), text.chars().count()), (511, 256));
    }
}
