//! Tensors with every kind of layout that candle hands over, and bounds for what is computed from them.

use candle_core::{DType, Device, Result, Tensor, Var};
use lanegrad_verify::bound::gamma;
use lanegrad_verify::random::uniform;

/// Random elements in [−1, 1].
pub(crate) fn random(seed: u64, dims: &[usize]) -> Tensor {
    let mut next = uniform(seed);
    let values: Vec<f32> = (0..dims.iter().product()).map(|_| (2.0 * next() - 1.0) as f32).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

pub(crate) fn var(tensor: &Tensor) -> Var {
    Var::from_tensor(tensor).unwrap()
}

/// The layout of a test's matrix in the tensor that it is a view of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Contiguous,
    Transposed,
    /// Rows of a longer matrix.
    SomeRows,
    /// Columns of a wider one.
    SomeColumns,
    /// Both, of a transposed one.
    PartOfTransposed,
    /// One row, repeated.
    OneRow,
    /// One column, repeated.
    OneColumn,
    /// One element, repeated.
    OneElement,
}

pub(crate) const KINDS: [Kind; 8] = [
    Kind::Contiguous,
    Kind::Transposed,
    Kind::SomeRows,
    Kind::SomeColumns,
    Kind::PartOfTransposed,
    Kind::OneRow,
    Kind::OneColumn,
    Kind::OneElement,
];

impl Kind {
    /// The dimensions of the underlying tensor.
    pub(crate) fn base(self, [rows, cols]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Contiguous => [rows, cols],
            Self::Transposed => [cols, rows],
            Self::SomeRows => [rows + 3, cols],
            Self::SomeColumns => [rows, cols + 5],
            Self::PartOfTransposed => [cols + 2, rows + 3],
            Self::OneRow => [1, cols],
            Self::OneColumn => [rows, 1],
            Self::OneElement => [1, 1],
        }
    }

    /// The view of the underlying tensor.
    pub(crate) fn view(self, base: &Tensor, [rows, cols]: [usize; 2]) -> Result<Tensor> {
        match self {
            Self::Contiguous => Ok(base.clone()),
            Self::Transposed => base.t(),
            Self::SomeRows => base.narrow(0, 2, rows),
            Self::SomeColumns => base.narrow(1, 4, cols),
            Self::PartOfTransposed => base.t()?.narrow(0, 1, rows)?.narrow(1, 2, cols),
            Self::OneRow | Self::OneColumn | Self::OneElement => base.broadcast_as((rows, cols)),
        }
    }
}

pub(crate) fn to_f64(tensor: &Tensor) -> Vec<f64> {
    let values = tensor.to_dtype(DType::F64).and_then(|values| values.flatten_all());
    values.and_then(|values| values.to_vec1()).unwrap()
}

/// Checks `|one − other| ≤ 2γₙ·terms + extra` element by element: two results with at most n roundings each in a chain.
#[track_caller]
pub(crate) fn assert_close(what: &str, [one, other]: [&Tensor; 2], n: usize, terms: &Tensor, extra: Option<&Tensor>) {
    assert_eq!(one.dims(), other.dims(), "{what}");
    let extra = extra.map_or_else(|| vec![0.0; terms.elem_count()], to_f64);
    let (one, other, terms) = (to_f64(one), to_f64(other), to_f64(terms));
    assert_eq!(one.len(), terms.len(), "{what}");
    for (index, (((one, other), terms), extra)) in one.iter().zip(other).zip(terms).zip(extra).enumerate() {
        let bound = 2.0 * gamma(n) * terms + extra + f64::from(f32::MIN_POSITIVE);
        assert!((one - other).abs() <= bound, "{what}: element {index} is {one:e}, expected {other:e} ± {bound:e}");
    }
}
