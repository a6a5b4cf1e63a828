//! The rows of the table, and the answers in them: a function for each variant of [`Error`].

use crate::world::World;
use lanegrad::*;

type Call = Box<dyn Fn(&mut World) -> Result<(), Error>>;

/// A function, a way of being wrong, what it is answered, and the call.
pub(crate) struct Row {
    pub(crate) function: &'static str,
    pub(crate) way: String,
    pub(crate) message: String,
    pub(crate) error: Error,
    pub(crate) call: Call,
}

#[derive(Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    pub(crate) fn row(
        &mut self,
        function: &'static str,
        way: impl Into<String>,
        (error, message): (Error, impl Into<String>),
        call: impl Fn(&mut World) -> Result<(), Error> + 'static,
    ) {
        self.0.push(Row { function, way: way.into(), message: message.into(), error, call: Box::new(call) });
    }
}

// `Error` is #[non_exhaustive], its variants are not: they can be written down here.
pub(crate) type Answer = (Error, String);

pub(crate) fn shape(
    operation: &'static str,
    operand: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
) -> Answer {
    let message = format!("{operation}: {operand} are {}×{}, expected {}×{}", found.0, found.1, expected.0, expected.1);
    (Error::Shape { operation, operand, expected, found }, message)
}

pub(crate) fn length(operation: &'static str, operand: &'static str, found: usize, expected: usize) -> Answer {
    let message = format!("{operation}: {operand} has length {found}, expected {expected}");
    (Error::Length { operation, operand, expected, found }, message)
}

pub(crate) fn too_short(found: usize, expected: usize) -> Answer {
    let message = format!("matrix view: the slice holds {found} elements, expected at least {expected}");
    (Error::TooShort { expected, found }, message)
}

pub(crate) fn overflow(shape: (usize, usize), strides: (isize, isize)) -> Answer {
    let ((rows, cols), (row, col)) = (shape, strides);
    let message = format!("matrix view: the offsets of {rows}×{cols} with strides {row} and {col} overflow");
    (Error::Overflow { shape, strides }, message)
}

pub(crate) fn strides(shape: (usize, usize), strides: (isize, isize)) -> Answer {
    let ((rows, cols), (row, col)) = (shape, strides);
    let message = format!(
        "matrix view: the strides of a {rows}×{cols} output are {row} and {col}, expected a column stride of 1 and a row stride of at \
         least {cols}, or a row stride of 1 and a column stride of at least {rows}"
    );
    (Error::Strides { shape, strides }, message)
}

pub(crate) fn layout(operation: &'static str, operand: &'static str) -> Answer {
    let message = format!("{operation}: {operand} have rows with gaps, expected a column stride of 1");
    (Error::Layout { operation, operand }, message)
}

pub(crate) fn label(row: usize, found: u32, classes: usize) -> Answer {
    let message = format!("loss: the label of row {row} is {found}, expected less than {classes}");
    (Error::Label { row, found, classes }, message)
}

pub(crate) fn hyper_parameter(name: &'static str, found: f64, expected: &'static str) -> Answer {
    (Error::HyperParameter { name, expected, found }, format!("{name} is {found}, expected {expected}"))
}

pub(crate) fn empty(operation: &'static str, operand: &'static str) -> Answer {
    (Error::Empty { operation, operand }, format!("{operation}: there are no {operand}, expected at least one"))
}

pub(crate) fn loss_needs(loss: &'static str, expected: &'static str) -> Answer {
    (Error::Loss { loss, expected }, format!("{loss} needs {expected}"))
}

pub(crate) fn no_memory(operation: &'static str, numbers: Option<usize>) -> Answer {
    let message = match numbers {
        Some(numbers) => format!("{operation}: no memory for {numbers} elements"),
        None => format!("{operation}: the memory needed overflows the address space"),
    };
    (Error::OutOfMemory { operation, numbers }, message)
}

/// The error holds the name's first bytes, and only the library makes one of a name: the message is what tells.
pub(crate) fn isa(name: &str, shown: &str) -> Answer {
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    let absent: Vec<_> = Isa::NAMES.iter().copied().filter(|name| !names.contains(name)).collect();
    let absent = match absent.is_empty() {
        true => String::new(),
        false => format!(" (not on this CPU: {})", absent.join(" ")),
    };
    let expected = names.join(", ");
    let message = format!("instruction set {shown:?} is not available here, expected one of {expected}{absent}");
    (Backend::with_isa_named(name).unwrap_err(), message)
}

pub(crate) fn threads(found: usize) -> Answer {
    (Error::Threads { found, refused: false }, format!("backend: {found} threads, expected from 1 to 64"))
}

pub(crate) const IN_RANGE: &str = "in [0, 1)";
pub(crate) const POSITIVE: &str = "a positive f32";
pub(crate) const NOT_NEGATIVE: &str = "zero or a positive f32";

/// Each kind of number that is no positive `f32`, with the way's name.
pub(crate) const NOT_POSITIVE: [(&str, f64); 5] = [
    ("zero", 0.0),
    ("negative", -1.5),
    ("NaN", f64::NAN),
    ("infinite", f64::INFINITY),
    ("minus infinite", f64::NEG_INFINITY),
];
