//! The error type: everything that a caller can get wrong.

use core::fmt;
use lanegrad_kernels::isa::Isa;
use lanegrad_kernels::threads::MAX_THREADS;

/// An invalid argument, found before anything is written.
///
/// It is small and allocates nothing. Its message names the operation, the operand, what was expected and what was found:
///
/// ```
/// use lanegrad::{Activation, Backend, MatMut, MatRef, dense};
/// let mut z = [0.0; 6];
/// let error = dense::forward(
///     &mut Backend::new()?,
///     dense::Forward {
///         x: MatRef::new(&[0.0; 8], 2, 4)?,
///         w: MatRef::new(&[0.0; 15], 3, 5)?,
///         bias: None,
///         activation: Activation::Relu,
///     },
///     MatMut::new(&mut z, 2, 3)?,
/// )
/// .unwrap_err();
/// assert_eq!(error.to_string(), "dense forward: weights are 3×5, expected 3×4");
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// The following table lists what can be wrong, and which functions return the error. After an error, every output and every state is
/// unchanged, to the last bit. `verify/tests/contract` tests every case on every instruction set, and checks this table.
///
/// | what is wrong | variant | returned by |
/// |---|---|---|
/// | a matrix's shape does not fit the other operands | `Shape` | `dense::forward`, `dense::activation_backward`, `dense::backward`, `dense::gradient`, `loss::squared_error`, `loss::softmax_cross_entropy`, `Loss::check`, `Loss::delta`, `Network::predict`, `Network::train_step` |
/// | bias, labels, a tensor, a gradient, or a list of them is too long or too short | `Length` | `dense::forward`, `dense::gradient`, `loss::softmax_cross_entropy`, `Loss::check`, `Loss::delta`, `State::restore`, `State::look_ahead`, `State::undo_look_ahead`, `State::update`, `Optimizer::begin`, `Optimizer::step`, `Step::finish`, `Network::train_step` |
/// | rows, columns and strides reach beyond the slice | `TooShort` | `MatRef::new`, `MatRef::with_strides`, `MatMut::new`, `MatMut::with_strides` |
/// | rows, columns and strides overflow | `Overflow` | `MatRef::new`, `MatRef::with_strides`, `MatMut::new`, `MatMut::with_strides` |
/// | an output has neither contiguous rows nor contiguous columns, or they overlap | `Strides` | `MatMut::with_strides` |
/// | the rows of a loss's output are not contiguous | `Layout` | `loss::squared_error`, `loss::softmax_cross_entropy`, `Loss::delta` |
/// | a label is not a class | `Label` | `loss::softmax_cross_entropy`, `Loss::check`, `Loss::delta`, `Network::train_step` |
/// | a hyper-parameter is NaN, infinite, or out of range, also after rounding to `f32` | `HyperParameter` | `loss::squared_error`, `Loss::check`, `Loss::delta`, `clip::by_value`, `clip::by_global_norm`, `Rule::new`, `Rule::adam_w`, `Rule::with_weight_decay`, `Rule::with_learning_rate`, `Rule::with_learning_rate_factor`, `State::new`, `State::restore`, `State::look_ahead`, `State::update`, `Optimizer::begin`, `Optimizer::step`, `Optimizer::set_learning_rate`, `Network::train_step` |
/// | no examples to take a mean over; no layers, inputs or units | `Empty` | `loss::squared_error`, `loss::softmax_cross_entropy`, `Loss::check`, `Loss::delta`, `Network::new`, `Network::train_step` |
/// | an activation before softmax | `Loss` | `Loss::check`, `Loss::delta`, `Network::train_step` |
/// | a state belongs to another rule; a rule that looks ahead is used without its look-ahead | `State` | `State::look_ahead`, `State::update`, `Optimizer::restore`, `Optimizer::step` |
/// | two tensors of a list have the same key | `Key` | `Optimizer::restore`, `Optimizer::begin`, `Optimizer::step` |
/// | an instruction set that is unknown or not on this processor | `Isa` | `Backend::new`, `Backend::with_isa_named`, `Builder::build` |
/// | a number of threads that is not from 1 to 64, or that the system refuses | `Threads` | `Builder::build` |
/// | a workspace, a state or a buffer overflows `usize`, or there is no memory for it | `OutOfMemory` | `dense::forward`, `dense::backward`, `dense::gradient`, `State::new`, `State::restore`, `State::look_ahead`, `Optimizer::begin`, `Optimizer::step`, `Network::new`, `Network::predict`, `Network::train_step` |
///
/// No value of an element is an error: see [`Network`](crate::Network).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A matrix has the wrong shape.
    Shape {
        /// The operation.
        operation: &'static str,
        /// The name of the matrix, in the plural.
        operand: &'static str,
        /// Rows and columns.
        expected: (usize, usize),
        /// Rows and columns.
        found: (usize, usize),
    },
    /// A slice has the wrong length, or a list has the wrong number of entries.
    Length {
        /// The operation.
        operation: &'static str,
        /// The name of the slice or list.
        operand: &'static str,
        /// The expected length.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// A view reaches beyond the end of its slice.
    TooShort {
        /// The number of elements that the view needs.
        expected: usize,
        /// The number of elements in the slice.
        found: usize,
    },
    /// The offset of a view's last element does not fit in a `usize`.
    Overflow {
        /// Rows and columns.
        shape: (usize, usize),
        /// Row stride and column stride.
        strides: (isize, isize),
    },
    /// An output has neither contiguous rows nor contiguous columns, or they overlap.
    Strides {
        /// Rows and columns.
        shape: (usize, usize),
        /// Row stride and column stride.
        strides: (isize, isize),
    },
    /// The rows of a matrix are not contiguous.
    Layout {
        /// The operation.
        operation: &'static str,
        /// The name of the matrix, in the plural.
        operand: &'static str,
    },
    /// A class label is not less than the number of classes.
    Label {
        /// Its row in the mini-batch.
        row: usize,
        /// The label.
        found: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A hyper-parameter is out of range.
    HyperParameter {
        /// Its name.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        found: f64,
    },
    /// A mean over no examples, or a network without layers, inputs or units.
    Empty {
        /// The operation.
        operation: &'static str,
        /// The name of what is missing, in the plural.
        operand: &'static str,
    },
    /// The loss does not fit the last layer's activation.
    Loss {
        /// The loss.
        loss: &'static str,
        /// What it needs.
        expected: &'static str,
    },
    /// The state of an optimizer does not fit the requested operation.
    State {
        /// The rule that the state should belong to, or the point at which its tensor should be.
        expected: &'static str,
        /// The rule that the state belongs to, or the point at which its tensor is.
        found: &'static str,
    },
    /// Two tensors of a list have the same key.
    Key {
        /// The operation.
        operation: &'static str,
        /// The key.
        key: u64,
    },
    /// The instruction set is unknown or not available here.
    Isa {
        /// The first bytes of the name.
        found: IsaName,
    },
    /// The number of threads is not from 1 to 64, or the system refuses to start one of them.
    Threads {
        /// The number of threads.
        found: usize,
        /// Whether the number is valid, but the system refuses.
        refused: bool,
    },
    /// There is no memory for a workspace, state or buffer.
    OutOfMemory {
        /// The operation.
        operation: &'static str,
        /// The number of elements requested; `None` if it overflows.
        numbers: Option<usize>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Shape { operation, operand, expected: (rows, cols), found: (found_rows, found_cols) } => {
                write!(f, "{operation}: {operand} are {found_rows}×{found_cols}, expected {rows}×{cols}")
            }
            Self::Length { operation, operand, expected, found } => {
                write!(f, "{operation}: {operand} has length {found}, expected {expected}")
            }
            Self::TooShort { expected, found } => {
                write!(f, "matrix view: the slice holds {found} elements, expected at least {expected}")
            }
            Self::Overflow { shape: (rows, cols), strides: (row, col) } => {
                write!(f, "matrix view: the offsets of {rows}×{cols} with strides {row} and {col} overflow")
            }
            Self::Strides { shape: (rows, cols), strides: (row, col) } => write!(
                f,
                "matrix view: the strides of a {rows}×{cols} output are {row} and {col}, expected a column stride of 1 and a row stride \
                 of at least {cols}, or a row stride of 1 and a column stride of at least {rows}"
            ),
            Self::Layout { operation, operand } => {
                write!(f, "{operation}: {operand} have rows with gaps, expected a column stride of 1")
            }
            Self::Label { row, found, classes } => {
                write!(f, "loss: the label of row {row} is {found}, expected less than {classes}")
            }
            Self::HyperParameter { name, expected, found } => write!(f, "{name} is {found}, expected {expected}"),
            Self::Empty { operation, operand } => {
                write!(f, "{operation}: there are no {operand}, expected at least one")
            }
            Self::State { expected, found } => write!(f, "optimizer state: {found}, expected {expected}"),
            Self::Key { operation, key } => {
                write!(f, "{operation}: key {key} occurs twice, expected a key for each tensor")
            }
            Self::Loss { loss, expected } => write!(f, "{loss} needs {expected}"),
            Self::Isa { found } => {
                write!(f, "instruction set {found} is not available here, expected one of")?;
                Isa::available()
                    .enumerate()
                    .try_for_each(|(i, isa)| write!(f, "{} {isa}", if i > 0 { "," } else { "" }))?;
                let absent = |name: &&&str| Isa::from_name(name).is_none();
                if Isa::NAMES.iter().any(|name| absent(&name)) {
                    write!(f, " (not on this CPU:")?;
                    Isa::NAMES.iter().filter(absent).try_for_each(|name| write!(f, " {name}"))?;
                    write!(f, ")")?;
                }
                Ok(())
            }
            Self::Threads { found, refused: false } => {
                write!(f, "backend: {found} threads, expected from 1 to {MAX_THREADS}")
            }
            Self::Threads { found, refused: true } => write!(f, "backend: the system refuses to start {found} threads"),
            Self::OutOfMemory { operation, numbers: Some(numbers) } => {
                write!(f, "{operation}: no memory for {numbers} elements")
            }
            Self::OutOfMemory { operation, numbers: None } => {
                write!(f, "{operation}: the memory needed overflows the address space")
            }
        }
    }
}

impl core::error::Error for Error {}

/// The first bytes of a requested name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IsaName([u8; 16]);

impl IsaName {
    pub(crate) fn new(name: &str) -> Self {
        let mut bytes = [0; 16];
        let end = name
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|&end| end <= bytes.len())
            .last()
            .unwrap_or(0);
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        Self(bytes)
    }

    fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Debug for IsaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for IsaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
